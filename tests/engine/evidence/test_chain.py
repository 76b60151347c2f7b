"""Seals of the audit log, and every way to change a log that its check must find and name."""

import json
import math
import random
from dataclasses import fields, replace

import pytest

from engine.errors import InputError
from engine.evidence import chain_check
from engine.evidence.canonical import LARGEST_EXACT
from engine.evidence.chain import (
    ERASURE,
    GENESIS,
    AuditRecord,
    Head,
    Person,
    SealedEntry,
    UnreadableEntry,
    plain_detail,
    read_entry,
    seal,
)
from engine.evidence.chain_check import MOST_BREAKS, check_chain
from tests.engine.evidence.audit_logs import ADA, head_of, log, sealed


def changed(entry, **changes):
    """An entry with another content under the seal that it had."""
    return replace(entry, record=replace(entry.record, **changes))


def found(entries, head, **options):
    """Numbers, ids and kinds of what a check names."""
    check = check_chain(entries, head, **options)
    assert check.n_breaks == len(check.breaks)
    assert check.is_whole == (not check.breaks)
    return [(place.sequence, place.entry_id, str(place.kind)) for place in check.breaks]


def id_of(sequence):
    return f"{sequence:032x}"


@pytest.mark.parametrize("entries", [0, 1, 12])
def test_a_whole_log_is_whole(entries):
    whole = log(entries)
    check = check_chain(whole, head_of(whole))
    assert (check.is_whole, check.entries, check.erased) == (True, entries, 0)


OTHER = {
    "id": "f" * 32,
    "created_at": "2026-11-28T10:00:05.000001+00:00",
    "user_id": "b" * 32,
    "action": "run.cancel",
    "object_kind": "dataset",
    "object_id": None,
    "detail": {"epsilon": 0.25},
    "person_digest": "0" * 64,
}


def test_every_part_of_an_entry_is_tried_below():
    assert set(OTHER) == {field.name for field in fields(AuditRecord)} - {"sequence"}


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.parametrize("sequence", [1, 5, 12])
def test_an_altered_part_is_found_in_its_entry_and_nowhere_else(name, sequence):
    entries = log()
    head = head_of(entries)
    entries[sequence - 1] = changed(entries[sequence - 1], **{name: OTHER[name]})
    names = {(place, id_, kind) for place, id_, kind in found(entries, head)}
    assert names == {(sequence, entries[sequence - 1].record.id, "altered")}


@pytest.mark.parametrize("part", [{"username": "eve"}, {"address": "192.0.2.8"}, {"salt": "1" * 32}])
def test_another_person_is_found(part):
    entries = log()
    entries[4] = replace(entries[4], person=replace(entries[4].person, **part))
    assert found(entries, head_of(entries)) == [(5, id_of(5), "altered")]


NOBODY = Person("", "", "")


def erased(entry):
    return replace(entry, person=NOBODY)


def test_an_erasure_that_an_entry_tells_of_is_no_break_but_half_an_erasure_is():
    entries = log()
    entries[4:6] = map(erased, entries[4:6])
    entries.append(sealed(13, entries[-1].hash, action=ERASURE, object_id=ADA, user_id="b" * 32))
    check = check_chain(entries, head_of(entries))
    assert (check.is_whole, check.erased) == (True, 2)
    entries[4] = replace(entries[4], person=replace(NOBODY, username="eve"))
    assert found(entries, head_of(entries)) == [(5, id_of(5), "altered")]


def test_an_erasure_that_no_later_entry_tells_of_is_found():
    entries = log()
    entries[4:6] = map(erased, entries[4:6])
    assert found(entries, head_of(entries)) == [(5, id_of(5), "erased")]
    entries.append(sealed(13, entries[-1].hash, action=ERASURE, object_id="c" * 32))
    assert found(entries, head_of(entries)) == [(5, id_of(5), "erased")]


def test_the_entry_that_tells_of_an_erasure_can_be_erased_itself():
    entries = log()
    entries.append(sealed(13, entries[-1].hash, action=ERASURE, object_id=ADA))
    whole = [*map(erased, entries[:12]), entries[12]]
    assert found(whole, head_of(entries)) == []
    assert found([*map(erased, entries)], head_of(entries)) == [(13, id_of(13), "erased")]
    entries.append(sealed(14, entries[-1].hash, action=ERASURE, object_id=ADA, user_id="b" * 32))
    assert found([*map(erased, entries[:13]), entries[13]], head_of(entries)) == []


@pytest.mark.parametrize("sequence", [1, 5])
@pytest.mark.parametrize("part", ["previous_hash", "hash"])
def test_an_altered_seal_is_found(part, sequence):
    entries = log()
    head = head_of(entries)
    entries[sequence - 1] = replace(entries[sequence - 1], **{part: "e" * 64})
    assert found(entries, head) == [(sequence, id_of(sequence), "altered")]


def test_an_entry_that_was_altered_and_sealed_anew_is_found():
    entries = log()
    head = head_of(entries)
    entries[4] = sealed(5, entries[3].hash, action="nothing.happened")
    assert found(entries, head) == [(5, id_of(5), "replaced")]


def test_the_last_entry_sealed_anew_does_not_fit_the_head():
    entries = log()
    head = head_of(entries)
    entries[-1] = sealed(12, entries[-2].hash, action="nothing.happened")
    assert found(entries, head) == [(12, id_of(12), "head")]


@pytest.mark.parametrize("gone", [1, 5, 11])
def test_a_missing_entry_is_found(gone):
    entries = log()
    head = head_of(entries)
    del entries[gone - 1]
    assert found(entries, head) == [(gone, None, "missing")]


def test_several_missing_entries_are_found_together():
    entries = log()
    assert found(entries[:3] + entries[7:], head_of(entries)) == [(4, None, "missing")]
    assert check_chain(entries[:3] + entries[7:], head_of(entries)).breaks[0].sentence == "Entries 4 to 7 are missing."


@pytest.mark.parametrize("left", [0, 1, 11])
def test_a_tail_that_was_cut_off_is_found(left):
    entries = log()
    assert found(entries[:left], head_of(entries)) == [(left + 1, None, "tail cut off")]


def test_two_exchanged_entries_are_found():
    entries = log()
    head = head_of(entries)
    entries[4], entries[7] = changed(entries[7], sequence=5), changed(entries[4], sequence=8)
    assert found(entries, head) == [(5, id_of(8), "out of order"), (8, id_of(5), "out of order")]


def test_two_exchanged_lines_of_a_file_are_found():
    entries = log()
    head = head_of(entries)
    entries[4], entries[5] = entries[5], entries[4]
    assert found(entries, head) == [(5, id_of(5), "out of order")]


def test_an_entry_that_was_put_in_and_those_that_it_moved_are_found():
    entries = log()
    head = head_of(entries)
    forged = sealed(5, entries[3].hash, id="f" * 32, action="nothing.happened")
    moved = [changed(entry, sequence=entry.record.sequence + 1) for entry in entries[4:]]
    names = found([*entries[:4], forged, *moved], head)
    assert (5, "f" * 32, "inserted") in names
    assert [name for name in names if name[2] == "out of order"] == [
        (sequence + 1, id_of(sequence), "out of order") for sequence in range(5, 13)
    ]
    assert (4, id_of(4), "replaced") not in names


@pytest.mark.parametrize("sequence", [-3, 0, 5])
def test_an_entry_with_a_number_of_its_own_or_a_second_time_is_found(sequence):
    entries = log()
    forged = sealed(sequence, entries[3].hash, id="f" * 32)
    entries.insert(max(sequence, 0), forged)
    assert (sequence, "f" * 32, "inserted") in found(entries, head_of(log()))


def test_an_entry_that_was_put_at_the_end_is_found():
    entries = log()
    head = head_of(entries)
    entries.append(sealed(13, entries[-1].hash, id="f" * 32))
    assert found(entries, head) == [(13, "f" * 32, "inserted")]


def test_an_altered_head_is_found():
    entries = log()
    head = head_of(entries)
    assert found(entries, replace(head, hash="e" * 64)) == [(12, id_of(12), "head")]
    assert found(entries, replace(head, entries=13)) == [(13, None, "tail cut off")]
    assert [name[0] for name in found(entries, replace(head, entries=11))] == [11, 12]
    assert found(entries, None) == [(13, None, "head")]
    assert found([], Head(0, "e" * 64)) == [(0, None, "head")]


def rewritten(entries, sequence):
    """The log as somebody with all rights makes it: one entry altered, and everything from there sealed anew."""
    made = entries[: sequence - 1]
    for number in range(sequence, len(entries) + 1):
        changes = {"action": "nothing.happened"} if number == sequence else {}
        made.append(sealed(number, made[-1].hash if made else GENESIS, **changes))
    return made


def test_a_log_that_was_sealed_anew_shows_only_against_a_head_kept_elsewhere():
    entries = log()
    known = [head_of(entries[:3]), head_of(entries[:7]), head_of(entries)]
    forged = rewritten(entries, 5)
    assert found(forged, head_of(forged)) == []
    names = found(forged, head_of(forged), earlier=known)
    assert names == [(7, id_of(7), "rewritten"), (12, id_of(12), "rewritten")]
    cut = entries[:9]
    assert found(cut, head_of(cut)) == []
    assert found(cut, head_of(cut), earlier=known) == [(10, None, "tail cut off")]
    assert found(entries, head_of(entries), earlier=known) == []


def test_a_chain_that_does_not_bind_the_entry_before_misses_a_replaced_one(monkeypatch):
    """Broken twin: seals over the entries alone."""
    monkeypatch.setattr(chain_check, "seal", lambda previous_hash, said: seal(GENESIS, said))
    monkeypatch.setattr(chain_check._Walk, "_other_predecessor", lambda walk, place: None)
    entries = [replace(entry, hash=seal(GENESIS, entry.record)) for entry in log()]
    head = head_of(entries)
    forged = sealed(5, GENESIS, action="nothing.happened")
    assert found([*entries[:4], forged, *entries[5:]], head) == []
    entries[4] = changed(entries[4], action="nothing.happened")
    assert found(entries, head) == [(5, id_of(5), "altered")]


def test_random_changes_never_pass():
    """Any one change of any kind, at a random place, is found."""
    choose = random.Random(7)
    whole = log()
    for _ in range(400):
        entries = list(whole)
        at = choose.randrange(12)
        kind = choose.choice(["drop", "double", "exchange", "alter", "reseal"])
        if kind == "drop":
            del entries[at]
        elif kind == "double":
            entries.insert(choose.randrange(13), entries[at])
        elif kind == "exchange":
            other = (at + choose.randrange(1, 12)) % 12
            entries[at], entries[other] = entries[other], entries[at]
        elif kind == "alter":
            name = choose.choice(list(OTHER))
            entries[at] = changed(entries[at], **{name: OTHER[name]})
        else:
            entries[at] = sealed(at + 1, entries[at].previous_hash, action="nothing.happened")
        assert found(entries, head_of(whole)), (kind, at)


def test_what_cannot_be_read_is_named():
    entries = log()
    entries[4] = UnreadableEntry(5, id_of(5), "its detail is none")
    entries[7] = UnreadableEntry(None, None, "its line is no JSON object")
    check = check_chain(entries, head_of(log()))
    assert [(place.sequence, place.entry_id) for place in check.breaks] == [(5, id_of(5)), (8, None)]
    assert "its detail is none" in check.breaks[0].sentence


def test_a_log_that_was_altered_everywhere_names_the_first_places_only():
    entries = log(3 * MOST_BREAKS)
    head = head_of(entries)
    check = check_chain([changed(entry, action="x") for entry in entries], head)
    assert len(check.breaks) == MOST_BREAKS
    assert check.n_breaks == 3 * MOST_BREAKS
    assert check.breaks[0].sequence == 1


def test_an_id_cannot_smuggle_commands_into_what_is_said():
    entries = log()
    entries[4] = changed(entries[4], id="\x1b[31m**x**" + "y" * 500)
    place = check_chain(entries, head_of(log())).breaks[0]
    assert "\x1b" not in place.sentence + place.entry_id
    assert len(place.sentence) < 200


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (-(2**60), "-1152921504606846976"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (1e300, 1e300),
        (0.1, 0.1),
        (True, True),
        (None, None),
        ("\ud800", "\\ud800"),
        ((1, 2.5), [1, 2.5]),
        ({"b", "a"}, ["a", "b"]),
        ({1: "x"}, {"1": "x"}),
        ({"deep": [{"n": 2**70}]}, {"deep": [{"n": str(2**70)}]}),
    ],
)
def test_details_have_one_form_that_survives_a_database(value, kept):
    plain = plain_detail({"value": value})
    assert plain == {"value": kept}
    assert type(plain["value"]) is type(kept)
    entry = sealed(1, GENESIS, detail=plain)
    again = changed(entry, detail=json.loads(json.dumps(plain)))
    assert seal(GENESIS, again.record) == entry.hash


def test_details_that_json_cannot_say_are_refused():
    with pytest.raises(TypeError, match="holds no bytes"):
        plain_detail({"value": b"x"})
    with pytest.raises(InputError):
        seal(GENESIS, AuditRecord(**(sealed(1, GENESIS).record.__dict__ | {"detail": {"n": LARGEST_EXACT + 1}})))


def test_an_entry_survives_its_json():
    entry = sealed(3, "d" * 64, user_id=None, object_id=None)
    assert SealedEntry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sequence": "5"}, "its sequence is not of the form"),
        ({"sequence": True}, "its sequence is not of the form"),
        ({"detail": None}, "its detail is not of the form"),
        ({"username": None}, "its username is not of the form"),
        ({"more": 1}, "1 further parts"),
    ],
)
def test_what_is_no_entry_says_why(change, reason):
    read = read_entry(sealed(5, GENESIS).to_json() | change)
    assert isinstance(read, UnreadableEntry)
    assert reason in read.reason
    assert read.id == id_of(5)


def test_an_entry_without_a_part_says_which():
    value = sealed(5, GENESIS).to_json()
    del value["hash"]
    assert read_entry(value) == UnreadableEntry(5, id_of(5), "it has no hash")
