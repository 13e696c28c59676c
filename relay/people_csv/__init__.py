"""The register's people from a spreadsheet: CSV bytes in, rows and what is wrong with them out. Pure: stores nothing, asks nothing.

`sheet` reads bytes into records, `cells` one cell into a value, `columns` knows the headings, `people` makes rows and compares them.
A caller stores the rows only if there are no errors, so nothing is ever half imported.
"""

from relay.people_csv.columns import Column
from relay.people_csv.people import Import, Kind, Problem, Row, named, read

__all__ = ["Column", "Import", "Kind", "Problem", "Row", "named", "read"]
