"""The words around a message (frame) and of the pages (ui), one gettext catalogue a language; read at run time, never compiled."""
