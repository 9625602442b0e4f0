"""The rules of review without any database: whom a workflow asks, who stands in, what is late, and that no order of
answers lets a document through that somebody had to agree to.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.docs.review import escalation, route, workflow
from services.docs.review.people import Directory, candidates, heads_over
from services.docs.review.route import Route, Situation
from services.docs.review.workflow import Stage, Who, Workflow
from services.docs.standing import Post
from services.docs.workdays import VIETNAM, Calendar
from shared.errors import Rejected
from shared.ids import new_id

DAY = date(2026, 11, 26)
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=VIETNAM)
SINCE = date(2020, 1, 1)
UNIT = "Phòng Khoa giáo - Văn xã"


def post(name: str, title: str, *, unit: str | None = UNIT, role: str = "clerk", until: date | None = None) -> Post:
    return Post(new_id(), name, True, new_id(), new_id(), title, frozenset({role}), SINCE, until, unit)


HEAD = post("Vi Thị Trưởng", "Trưởng phòng", role="leader")
DEPUTY = post("Nông Văn Phó", "Phó Trưởng phòng")
AUTHOR = post("Hoàng Văn Đức", "Chuyên viên")
SECOND = post("Lý Thị An", "Chuyên viên")
THIRD = post("Bế Văn Bình", "Chuyên viên")
OFFICE = post("Nông Thị Thu Hằng", "Văn thư", unit="Văn phòng")
CHAIR = post("Lương Quốc Khánh", "Chủ tịch", unit=None, role="leader")
ALL = (HEAD, DEPUTY, AUTHOR, SECOND, THIRD, OFFICE, CHAIR)


def situation(*posts: Post, away: tuple[Post, ...] = (), now: datetime = NOW, **more: Any) -> Situation:
    absent = {each.person_id: DAY + timedelta(days=3) for each in away}
    return Situation(Directory(DAY, posts or ALL, absent, more.pop("delegates", {})), Calendar(), now, **more)


def names(who: Who, at: Situation) -> list[tuple[str, str | None]]:
    return [(each.name, each.instead_of) for each in candidates(who, at.directory, AUTHOR.person_id)]


def stage(key: str, *who: Who, **more: Any) -> Stage:
    return Stage(key=key, name=key, who=who, **more)


def person(of: Post) -> Who:
    return Who(kind="person", person_id=of.person_id, name=of.name)


def begin(*stages: Stage, at: Situation | None = None, chosen: tuple[UUID, ...] = ()) -> Route:
    wanted = Workflow(name="thử", stages=stages)
    return route.begin(wanted, "thu", 3, author_id=AUTHOR.person_id, chosen=chosen, at=at or situation())


def states(held: Route) -> list[str]:
    return [leg.state for leg in held.legs]


# --- who is asked


def test_the_head_of_the_authors_unit_is_asked_and_while_away_the_deputy() -> None:
    who = Who(kind="author_head")
    assert names(who, situation()) == [(HEAD.name, None)]
    assert names(who, situation(away=(HEAD,))) == [(DEPUTY.name, HEAD.name)]
    assert names(who, situation(away=(HEAD, DEPUTY))) == [(THIRD.name, HEAD.name)], (
        "the next of the unit, by given order"
    )


def test_who_was_given_the_authority_stands_in_before_the_deputy() -> None:
    at = situation(away=(HEAD,), delegates={HEAD.person_id: (OFFICE.person_id,)})
    assert names(Who(kind="author_head"), at) == [(OFFICE.name, HEAD.name)]


def test_who_has_left_is_stood_in_for_by_their_unit() -> None:
    gone = replace(SECOND, valid_until=date(2026, 10, 1))
    at = situation(HEAD, DEPUTY, AUTHOR, gone, OFFICE)
    assert names(person(gone), at) == [(DEPUTY.name, SECOND.name)]
    nobody = replace(OFFICE, active=False)
    assert names(person(nobody), situation(HEAD, AUTHOR, nobody)) == [], "nobody else is in that unit"


def test_anyone_of_a_unit_is_anyone_but_the_author() -> None:
    found = {name for name, _ in names(Who(kind="unit", unit="phòng khoa giáo - văn xã"), situation(away=(SECOND,)))}
    assert found == {HEAD.name, DEPUTY.name, THIRD.name}


def test_who_is_late_has_a_head() -> None:
    at = situation()
    assert [each.name for each in heads_over([SECOND.person_id], at.directory)] == [HEAD.name]
    assert heads_over([HEAD.person_id, CHAIR.person_id], at.directory) == ()


# --- stages


def test_sequential_stages_come_one_after_the_other_and_parallel_ones_at_once() -> None:
    held = begin(
        stage("mot", person(SECOND)),
        stage("hai", person(THIRD)),
        stage("ba", person(OFFICE), with_previous=True),
        stage("bon", person(HEAD)),
    )
    assert states(held) == ["open", "waiting", "waiting", "waiting"]
    held = route.approve(held, SECOND.person_id, situation()) or held
    assert states(held) == ["done", "open", "open", "waiting"]
    held = route.approve(held, OFFICE.person_id, situation()) or held
    assert states(held) == ["done", "open", "done", "waiting"]
    held = route.approve(held, THIRD.person_id, situation()) or held
    assert states(held) == ["done", "done", "done", "open"]
    assert route.approve(held, THIRD.person_id, situation()) is None, "a second click"
    with pytest.raises(Rejected, match="not_a_reviewer"):
        route.approve(held, CHAIR.person_id, situation())


@pytest.mark.parametrize(("quorum", "needed"), [("all", 3), ("any", 1), (2, 2)])
def test_a_quorum_is_all_any_or_a_number(quorum: Any, needed: int) -> None:
    held = begin(stage("mot", person(SECOND), person(THIRD), person(OFFICE), quorum=quorum))
    for n, each in enumerate((SECOND, THIRD, OFFICE), 1):
        assert not held.is_complete
        held = route.approve(held, each.person_id, situation()) or held
        if n == needed:
            break
    assert held.is_complete


def test_each_of_a_unit_is_not_any_of_it() -> None:
    unit = Who(kind="unit", unit=UNIT, each=True)
    held = begin(stage("mot", unit))
    assert len(held.legs[0].seats) == 4
    one = begin(stage("mot", unit.model_copy(update={"each": False})))
    assert (route.approve(one, SECOND.person_id, situation()) or one).is_complete
    assert not (route.approve(held, SECOND.person_id, situation()) or held).is_complete


@pytest.mark.parametrize(
    ("skip", "who", "at"),
    [
        ({"when": "nobody_found"}, Who(kind="unit", unit="Phòng không còn ai"), situation()),
        ({"when": "author_is_asked"}, Who(kind="post", title="chuyên viên"), situation()),
        ({"when": "signer_is_asked"}, person(CHAIR), situation(signers=frozenset({CHAIR.person_id}))),
        ({"when": "urgency_at_least", "at_least": 2}, person(HEAD), situation(urgency=3)),
    ],
)
def test_a_stage_is_left_out_when_its_condition_holds(skip: Any, who: Who, at: Situation) -> None:
    held = begin(stage("mot", who, skip=(workflow.Skip(**skip),)), stage("hai", person(SECOND)), at=at)
    assert states(held) == ["skipped", "open"]
    assert held.legs[0].skipped_for == skip["when"]
    calm = begin(stage("mot", who, skip=()), stage("hai", person(SECOND)), at=at)
    assert states(calm) == ["open", "waiting"], "without the condition it waits, even for nobody"


def test_the_same_person_asked_twice_does_not_agree_twice_with_one_click() -> None:
    held = begin(stage("mot", person(SECOND)), stage("hai", person(SECOND)))
    after = route.approve(held, SECOND.person_id, situation(), "mot")
    assert after is not None
    assert route.approve(after, SECOND.person_id, situation(), "mot") is None
    assert states(after) == ["done", "open"]


def test_a_document_goes_back_to_an_earlier_stage_and_passes_all_after_it_again() -> None:
    held = begin(stage("mot", person(SECOND)), stage("hai", person(THIRD)), stage("ba", person(OFFICE)))
    for each in (SECOND, THIRD):
        held = route.approve(held, each.person_id, situation()) or held
    assert [leg.stage.key for leg in route.stages_before(held)] == ["mot", "hai"]
    back = route.back_to(held, "mot", situation())
    assert states(back) == ["open", "waiting", "waiting"]
    with pytest.raises(Rejected, match="stage_not_before"):
        route.back_to(back, "hai", situation())


# --- late


def test_reminders_go_to_the_person_then_the_head_then_the_clerk_and_each_once() -> None:
    held = begin(stage("mot", person(SECOND), deadline=workflow.Deadline(amount=4, unit="hours")))
    due = held.legs[0].due_at
    assert due == datetime(2026, 11, 26, 15, 0, tzinfo=VIETNAM)
    said: list[tuple[str, tuple[UUID, ...], bool, datetime]] = []
    moment = NOW
    while len(said) < 4:
        moment = escalation.next_look(held, situation(now=moment)) or moment
        held, found = escalation.remind(held, situation(now=moment))
        said += [(each.kind, each.people, each.clerks, moment) for each in found]
    assert [(kind, people, clerks) for kind, people, clerks, _ in said] == [
        ("due_soon", (SECOND.person_id,), False),
        ("overdue", (SECOND.person_id,), False),
        ("overdue", (HEAD.person_id,), False),
        ("overdue", (), True),
    ]
    assert said[0][3] < due < said[1][3]
    assert said[2][3] == Calendar().add_hours(due, 4)
    assert escalation.remind(held, situation(now=moment + timedelta(days=9)))[1] == []


def test_a_worker_that_slept_through_it_says_what_is_late_and_not_what_was_due_soon() -> None:
    held = begin(stage("mot", person(SECOND), deadline=workflow.Deadline(amount=1, unit="hours")))
    _, found = escalation.remind(held, situation(now=NOW + timedelta(days=20)))
    assert [(each.kind, each.clerks) for each in found] == [("overdue", False), ("overdue", False), ("overdue", True)]


def test_when_nobody_is_left_the_clerk_is_told_at_once_and_once() -> None:
    alone = replace(OFFICE, active=False)
    at = situation(HEAD, AUTHOR, alone)
    held = begin(stage("mot", person(OFFICE)), at=at)
    assert route.is_stuck(held, at.directory)
    held, found = escalation.remind(held, at)
    assert [(each.kind, each.clerks) for each in found] == [("stuck", True)]
    assert escalation.remind(held, at)[1] == []


# --- replacing


def test_a_clerk_or_the_head_of_the_unit_replaces_a_reviewer_the_author_only_one_who_cannot_or_is_late() -> None:
    held = begin(stage("mot", person(SECOND), deadline=workflow.Deadline(amount=1, unit="hours")))

    def by(who: Post, new: Post = THIRD, *, at: Situation | None = None) -> Route:
        clerk = "clerk" in who.roles
        return route.replace_reviewer(
            held, "mot", 0, new=new.person_id, by=who.person_id, is_clerk=clerk, at=at or situation()
        )

    for may in (OFFICE, HEAD):
        after = by(may)
        assert [t.people[0].name for t in route.turns(after, situation().directory)] == [THIRD.name]
    for who, new, code in (
        (CHAIR, THIRD, "replacing_not_yours"),
        (AUTHOR, THIRD, "author_replaces_late_only"),
        (OFFICE, AUTHOR, "replacement_not_here"),
        (OFFICE, post("Người lạ", "Chuyên viên"), "replacement_not_here"),
    ):
        with pytest.raises(Rejected, match=code):
            by(who, new)
    assert by(AUTHOR, at=situation(now=NOW + timedelta(days=1))), "it is late by then"


# --- data


BAD: list[tuple[dict[str, Any], str]] = [
    ({"types": ["SY"]}, "không có loại văn bản SY"),
    ({"types": ["Q1"]}, "không có loại văn bản Q1"),
    ({"stages": []}, "/stages"),
    ({"stages": [{"key": "a", "name": "A", "who": [{"kind": "unit"}]}]}, "chưa chọn đơn vị"),
    ({"stages": [{"key": "A b", "name": "A", "who": [{"kind": "author_head"}]}]}, "mã bước"),
    ({"stages": [{"key": "a", "name": "A", "who": [{"kind": "author_head"}], "quorum": 3}]}, "cần 3 ý kiến"),
    ({"stages": [{"key": "a", "name": "A", "who": [{"kind": "author_head"}], "quorum": "most"}]}, "/stages/0/quorum"),
    ({"stages": [{"key": "a", "name": "A", "who": [{"kind": "author_head"}], "with_previous": True}]}, "song song"),
    ({"stages": [{"key": "a", "name": "A", "who": [{"kind": "boss"}]}]}, "/stages/0/who/0/kind"),
    ({"stages": [{"key": "a", "name": "A", "who": [{"kind": "author_head"}], "skip": [{"when": "urgency_at_least"}]}]}, "độ khẩn"),
    ({"stages": [{"key": "a", "name": "A", "who": [{"kind": "author_head"}], "x": 1}]}, "/stages/0/x"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "says"), BAD, ids=[says for _, says in BAD])
def test_a_workflow_that_cannot_be_used_is_refused_with_the_place(change: dict[str, Any], says: str) -> None:
    good = workflow.standard().model_dump(mode="json", exclude_none=True)
    assert workflow.parse(good) == workflow.standard()
    with pytest.raises(Rejected, match="workflow_invalid") as refused:
        workflow.parse(good | change)
    assert says in refused.value.sentence.vi
    assert refused.value.sentence.en


def test_the_default_is_the_order_of_the_decree() -> None:
    held = route.begin(workflow.standard(), "nd30", 1, author_id=AUTHOR.person_id, chosen=(), at=situation())
    assert states(held) == ["open", "waiting"]
    held = route.approve(held, HEAD.person_id, situation()) or held
    held = route.approve(held, OFFICE.person_id, situation()) or held
    assert held.is_complete


# --- any order of answers, absences, replacements


class ReviewLife(RuleBasedStateMachine):
    """People answer, leave, come back, are replaced, give back, in any order."""

    @initialize(
        data=st.data(),
        quorums=st.lists(st.sampled_from(["all", "any", 2]), min_size=1, max_size=4),
        parallel=st.lists(st.booleans(), min_size=4, max_size=4),
    )
    def start(self, data: st.DataObject, quorums: list[Any], parallel: list[bool]) -> None:
        def asked() -> Who:
            kind = data.draw(st.sampled_from(["person", "unit", "author_head"]))
            if kind == "person":
                return person(data.draw(st.sampled_from([SECOND, THIRD, OFFICE, HEAD])))
            return Who(kind="unit", unit=UNIT) if kind == "unit" else Who(kind="author_head")

        stages = [
            stage(f"s{n}", asked(), asked(), quorum=quorum, with_previous=n > 0 and parallel[n])
            for n, quorum in enumerate(quorums)
        ]
        self.away: set[Post] = set()
        self.moment = NOW
        self.held = begin(*stages)
        self.agreed: set[tuple[int, str]] = set()

    def at(self) -> Situation:
        return situation(away=tuple(self.away), now=self.moment)

    @rule(who=st.sampled_from([HEAD, DEPUTY, SECOND, THIRD, OFFICE]))
    def leaves_or_returns(self, who: Post) -> None:
        self.away ^= {who}

    @rule(who=st.sampled_from(ALL))
    def answers(self, who: Post) -> None:
        before = route.turns(self.held, self.at().directory)
        mine = [t for t in before if any(one.person_id == who.person_id for one in t.people)]
        try:
            after = route.approve(self.held, who.person_id, self.at())
        except Rejected:
            assert not mine
            return
        assert (after is not None) == bool(mine), "a second click changes nothing"
        self.held = after or self.held

    @rule(data=st.data())
    @precondition(lambda self: not self.held.is_complete)
    def gives_back(self, data: st.DataObject) -> None:
        before = route.stages_before(self.held)
        if before:
            key = data.draw(st.sampled_from([leg.stage.key for leg in before]))
            self.held = route.back_to(self.held, key, self.at())
            assert next(leg for leg in self.held.legs if leg.stage.key == key).state == "open"

    @rule(data=st.data(), new=st.sampled_from([SECOND, THIRD, HEAD]))
    def is_replaced(self, data: st.DataObject, new: Post) -> None:
        found = route.turns(self.held, self.at().directory)
        if found and new not in self.away:
            turn = data.draw(st.sampled_from(found))
            self.held = route.replace_reviewer(
                self.held, turn.leg.stage.key, turn.seat, new=new.person_id, by=OFFICE.person_id, is_clerk=True, at=self.at()
            )  # fmt: skip

    @rule()
    def the_worker_looks(self) -> None:
        self.moment += timedelta(hours=5)
        self.held, asked = route.newly_asked(self.held, self.at().directory)
        assert route.newly_asked(self.held, self.at().directory)[1] == {}, "nobody is asked twice"
        self.held, _ = escalation.remind(self.held, self.at())
        assert escalation.remind(self.held, self.at())[1] == [], "nothing is said twice"
        assert all(AUTHOR.person_id not in people for people in asked.values())

    @invariant()
    def nothing_is_passed_that_needed_somebody(self) -> None:
        for leg in self.held.legs:
            if leg.state == "done":
                assert leg.filled >= leg.stage.needed(len(leg.seats))
            assert all(seat.by != AUTHOR.person_id for seat in leg.seats), "nobody judges their own draft"

    @invariant()
    def stages_open_in_order(self) -> None:
        groups = [[self.held.legs[n].state for n in group] for group in route._groups(self.held.legs)]
        passed = [all(state in ("done", "skipped") for state in group) for group in groups]
        first = passed.index(False) if False in passed else len(groups)
        assert all(state == "waiting" for group in groups[first + 1 :] for state in group)
        assert first == len(groups) or "open" in groups[first], "there is always a way on"


TestReviewLife = ReviewLife.TestCase
