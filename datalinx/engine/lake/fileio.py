"""The seam between pyiceberg and the storage: a table's files, and no other file, by their addresses."""

from io import BytesIO
from types import TracebackType
from typing import BinaryIO

from pyiceberg.io import FileIO, InputFile, OutputFile

from datalinx.engine.storage import Storage
from datalinx.errors import Failed


class TableFiles(FileIO):
    """The files of one table. `base` is the address that its metadata files give as the table's own.

    Addresses are turned into keys of the table's corner of the storage, so metadata cannot lead out of it, and
    a storage that was moved to another place is still read by metadata that names the old one.
    """

    def __init__(self, storage: Storage, base: str) -> None:
        super().__init__()
        self.storage = storage
        self.base = base.rstrip("/")

    def key(self, location: str) -> str:
        """Return the key of an address; raise `Failed` `LAKE_FILE_OUTSIDE` when it lies outside the table."""
        if not location.startswith(self.base + "/"):
            raise Failed(
                "LAKE_FILE_OUTSIDE", "The table's metadata names a file that is not the table's own."
            )
        return location.removeprefix(self.base + "/")

    def uri(self, key: str) -> str:
        """Return the address that metadata gives to a key."""
        return f"{self.base}/{key}"

    def new_input(self, location: str) -> "TableInput":
        return TableInput(self, location)

    def new_output(self, location: str) -> "TableOutput":
        return TableOutput(self, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        self.storage.delete(self.key(location if isinstance(location, str) else location.location))


class TableInput(InputFile):
    """A file of the table to read. None of them ever changes, so it may come from the download cache."""

    def __init__(self, files: TableFiles, location: str) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        found = self._files.storage.info(self._files.key(self.location))
        return found.size if found else 0

    def exists(self) -> bool:
        return self._files.storage.info(self._files.key(self.location)) is not None

    def open(self, seekable: bool = True) -> BinaryIO:
        return self._files.storage.local(self._files.key(self.location)).open("rb")


class TableOutput(OutputFile):
    """A metadata or manifest file to write: collected in memory, stored whole when it is closed."""

    def __init__(self, files: TableFiles, location: str) -> None:
        super().__init__(location)
        self._files = files
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def exists(self) -> bool:
        return self.to_input_file().exists()

    def to_input_file(self) -> TableInput:
        return self._files.new_input(self.location)

    def create(self, overwrite: bool = False) -> "_Collected":
        return _Collected(self)

    def store(self, data: bytes) -> None:
        self._size = len(data)
        self._files.storage.put_bytes(self._files.key(self.location), data)


class _Collected(BytesIO):
    """Bytes that go to the storage when they are complete, and nowhere when an error ends the writing."""

    def __init__(self, output: TableOutput) -> None:
        super().__init__()
        self._output = output

    def close(self) -> None:
        if self.closed:
            return
        data = self.getvalue()
        # Closed first: what could not be stored must not be stored later, when this value is thrown away.
        super().close()
        self._output.store(data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            BytesIO.close(self)
