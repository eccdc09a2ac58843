"""Databases and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import State
from fabfile.model.resource import Differences
from fabfile.resources.sql.client import SqlResource, name, statements, string


@dataclass(frozen=True)
class Database(SqlResource):
    """A database. Addresses are ASCII; UTF-8 stores other text in them safely as well."""

    name: str

    @property
    def key(self) -> str:
        return f"database {self.name}"

    @property
    def title(self) -> str:
        return f"Database {self.name}"

    def desired(self) -> State:
        return {"exists": True}

    def fix(self) -> str:
        return statements(
            f"CREATE DATABASE IF NOT EXISTS {name(self.name)} DEFAULT CHARACTER SET utf8;"
        )


@dataclass(frozen=True)
class Column:
    """A column. `width` is its minimum width in characters; 0 for TEXT, or for a `number`."""

    name: str
    width: int = 0
    default: str | None = None
    number: bool = False

    @property
    def type(self) -> str:
        """The type of a new column."""
        if self.number:
            return "bigint"
        return f"varchar({self.width})" if self.width else "text"

    @property
    def definition(self) -> str:
        """The column in a CREATE or ALTER TABLE."""
        default = "" if self.default is None else f" DEFAULT {string(self.default)}"
        return f"{name(self.name)} {self.type} NOT NULL{default}"

    def is_enough(self, found: str) -> bool:
        """Return True if a column of the type `found` can store every value of this one."""
        if self.number:
            return found.startswith("bigint")
        width = re.fullmatch(r"(?:var)?char\((\d+)\)", found)
        return (
            int(width[1]) >= self.width > 0
            if width
            else found in ("text", "mediumtext", "longtext")
        )


@dataclass(frozen=True)
class Table(SqlResource):
    """A table with at least these columns, each at least that wide, and a unique key.

    An existing table keeps its rows, its other columns and its wider columns.
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    unique: str

    @property
    def key(self) -> str:
        return f"table {self.database}.{self.name}"

    @property
    def title(self) -> str:
        return f"Table {self.database}.{self.name}"

    def desired(self) -> State:
        return {
            **{column.name: column.type for column in self.columns},
            f"unique {self.unique}": True,
        }

    def differences(self, state: State | None) -> Differences:
        found = dict(state or {})
        for column in self.columns:
            if column.is_enough(str(found.get(column.name, ""))):
                found[column.name] = column.type
        return super().differences(found or None)

    def warning(self, state: State | None) -> str:
        return "; ".join(self._obstacles(state or {}))

    def _obstacles(self, found: State) -> Iterator[str]:
        """Yield the columns of others that refuse new rows of our columns alone."""
        ours = {column.name for column in self.columns}
        table = f"{self.database}.{self.name}"
        for key in found:
            kind, _, other = key.partition(" ")
            if other in ours:
                continue
            if kind == "required":
                yield (
                    f"{table} has a column {other} that is NOT NULL without a default, so no row "
                    f"can be added: ALTER TABLE {table} ALTER COLUMN {other} SET DEFAULT …, or let "
                    "it be NULL"
                )
            elif kind == "constant" and f"unique {other}" in found:
                yield (
                    f"{table} has a unique column {other} with the same default for all rows, so "
                    "only one row can be added: let it be NULL by default"
                )

    def fix(self) -> str:
        table = f"{name(self.database)}.{name(self.name)}"
        columns = ", ".join(column.definition for column in self.columns)
        create = (
            f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({name(self.unique)})) "
            # MySQL 5.1's default engine has no transactions.
            "ENGINE=InnoDB DEFAULT CHARACTER SET utf8;"
        )
        where = f"TABLE_SCHEMA = {string(self.database)} AND TABLE_NAME = {string(self.name)}"
        alter = []
        for column in self.columns:
            here = (
                f"FROM information_schema.COLUMNS WHERE {where} "
                f"AND COLUMN_NAME = {string(column.name)}"
            )
            add = string(f"ALTER TABLE {table} ADD COLUMN {column.definition};")
            alter.append(f"SELECT {add} FROM (SELECT 1) AS t WHERE NOT EXISTS (SELECT 1 {here});")
            widen = string(f"ALTER TABLE {table} MODIFY {column.definition};")
            least = column.width or 65535
            alter.append(f"SELECT {widen} {here} AND CHARACTER_MAXIMUM_LENGTH < {least};")
        add_key = string(f"ALTER TABLE {table} ADD UNIQUE KEY ({name(self.unique)});")
        alter.append(
            f"SELECT {add_key} FROM (SELECT 1) AS t WHERE {string(self.unique)} NOT IN "
            f"(SELECT MIN(COLUMN_NAME) FROM information_schema.STATISTICS WHERE {where} "
            "AND NON_UNIQUE = 0 GROUP BY INDEX_NAME HAVING COUNT(*) = 1);"
        )
        return f"{statements(create)}\nsql_from {shell.quote(chr(10).join(alter))}"
