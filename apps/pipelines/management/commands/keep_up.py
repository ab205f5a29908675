"""`manage.py keep_up`: look after the stored tables now, or say what that would do."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.pipelines.models import StoredTable
from apps.pipelines.services import strays, upkeep
from datalinx.errors import DatalinxError


class Command(BaseCommand):
    """Merge small files, let go of old versions, and delete what nothing names."""

    help = "Merge small files of the stored tables, let go of old versions, delete files that nothing names."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--table", help="the id of one table (tbl_…); else every table, and stray files")
        parser.add_argument(
            "--dry-run", action="store_true", help="list what would be done and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rehearse = bool(options["dry_run"])
        rows = StoredTable.objects.select_related("workspace").order_by("pk")
        for table in rows.filter(pk=options["table"]) if options["table"] else rows.iterator():
            self._keep_up(table, rehearse)
        if not options["table"]:
            for file in strays.find_strays() if rehearse else strays.delete_strays():
                self.stdout.write(f"stray {file.key} {file.size}")

    def _keep_up(self, table: StoredTable, rehearse: bool) -> None:
        try:
            done = upkeep.keep_up_table(table=table, rehearse=rehearse)
        except DatalinxError as error:
            self.stderr.write(f"{table.pk} {table.name}: {error}")
            return
        self.stdout.write(
            f"{table.pk} {table.name}: {done.merged_files} files merged, {done.forgotten_snapshots} versions let go "
            f"of, {len(done.deleted_files)} files deleted ({done.deleted_bytes:,} bytes)"
        )
        for key in done.deleted_files:
            self.stdout.write(f"  {key}")
