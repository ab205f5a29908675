"""What a file is: told by its content, checked against its name."""

import gzip

import pytest

from datalinx.engine.connectors.file.recognise import stem_of


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("contacts.csv", "contacts"),
        ("sub/folder/Contacts 2024.CSV", "Contacts 2024"),
        ("a.b.jsonl.gz", "a.b"),
        ("x.parquet", "x"),
        ("notes.txt", "notes"),
        ("data", "data"),
        ("v1.2", "v1.2"),
        ("report.csv.zst", "report"),
    ],
)
def test_stem__of_a_name__is_without_known_endings(name, stem):
    assert stem_of(name) == stem


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("t.csv", b"", "FILE_EMPTY"),
        ("t.csv", b" \n\r\n", "FILE_EMPTY"),
        ("t.csv", b"\xef\xbb\xbf", "FILE_EMPTY"),
        ("t.csv", b"PAR1" + b"\x00" * 50, "FILE_FORMAT_MISMATCH"),
        ("t.parquet", b"a,b\n1,2\n", "FILE_FORMAT_MISMATCH"),
        ("t.parquet", b"PAR1" + b"\x00" * 50, "FILE_UNREADABLE"),
        ("t.csv", b'{"a": 1}\n', "FILE_FORMAT_MISMATCH"),
        ("t.json", b"id,name\n1,x\n", "FILE_FORMAT_MISMATCH"),
        ("t.csv", b"PK\x03\x04" + bytes(range(256)), "FILE_FORMAT_UNKNOWN"),
        ("t.zip", b"this is no archive!", "FILE_FORMAT_MISMATCH"),
        ("t.xlsx", b"id,name\n1,a\n", "FILE_FORMAT_MISMATCH"),
        ("t.sqlite", b'{"a": 1}', "FILE_FORMAT_MISMATCH"),
        ("t.xlsx", b"PK\x03\x04" + bytes(range(256)), "FILE_FORMAT_UNKNOWN"),
        ("t.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "FILE_FORMAT_UNKNOWN"),
        ("t.csv", bytes(range(256)) * 20, "FILE_FORMAT_UNKNOWN"),
        ("t.csv", b"%PDF-1.7\n%stuff\n", "FILE_FORMAT_UNKNOWN"),
        ("t.csv", b"<!DOCTYPE html>\n<html><body>Please log in", "FILE_FORMAT_UNKNOWN"),
        ("t.csv.gz", b"a,b\n1,2\n", "FILE_FORMAT_MISMATCH"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "FILE_UNREADABLE"),
        (
            "t.csv.gz",
            gzip.compress(b"a,b\n" + b"1,2\n" * 9999, mtime=0)[:-4] + b"\x01\x02\x03\x04",
            "FILE_UNREADABLE",
        ),
        ("t.csv.gz", gzip.compress(b"", mtime=0), "FILE_EMPTY"),
        ("t.csv.zst", b"\x28\xb5\x2f\xfd garbage", "FILE_UNREADABLE"),
        ("t.parquet.gz", gzip.compress(b"PAR1" + b"\x00" * 50, mtime=0), "FILE_FORMAT_MISMATCH"),
    ],
)
def test_file__that_is_not_what_it_says__is_refused_with_its_name(make_source, name, content, code):
    table = make_source({name: content}).discover()[0]
    assert table.problem is not None
    assert table.problem.code == code
    assert name in table.problem.message
    assert table.columns == ()


def test_name__without_an_ending__is_told_by_content(make_source):
    source = make_source({"people": "id;name\n1;Ann\n", "events": '{"a":1}\n'})
    assert source.rows("people") == [("1", "Ann")]
    assert source.rows("events") == [(1,)]


def test_compression__without_its_ending__is_told_by_content(make_source):
    assert make_source({"t.csv": gzip.compress(b"a,b\n1,2\n", mtime=0)}).rows() == [("1", "2")]


def test_header__that_begins_like_a_magic_word__is_text(make_source):
    assert make_source({"t.csv": "ORC,BZh,GIF8\n1,2,3\n"}).rows() == [("1", "2", "3")]


def test_bomb__of_compressed_zeros__is_stopped_at_the_limit(make_source):
    bomb = gzip.compress(b"a,b\n" + b"0,0\n" * 2_000_000, mtime=0)
    problem = make_source({"t.csv.gz": bomb}, decompressed_bytes=1_000_000).table().problem
    assert problem is not None
    assert problem.code == "FILE_TOO_LARGE"


def test_file__with_a_pattern_for_a_name__is_refused_and_reads_no_other(make_source):
    source = make_source({"t*.csv": "a\n1\n", "t2.csv": "a\n2\n"})
    problem = source.table("t*").problem
    assert problem is not None
    assert problem.code == "FILE_NAME_INVALID"
    assert source.rows("t2") == [("2",)]
