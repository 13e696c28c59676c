#!/bin/sh
# `budstikke …` for whoever looks after this machine: as the program's own user, with the installation's settings.
settings=/etc/budstikke/budstikke.env
[ ! -e "$settings" ] || export BUDSTIKKE_ENV_FILE="$settings"
[ "$(id -un)" != budstikke ] || exec /opt/budstikke/.venv/bin/budstikke "$@"
exec runuser -u budstikke -- /opt/budstikke/.venv/bin/budstikke "$@"
