"""The matrix of roles (reliability 3): the file, the roles, the seats and the doors agree."""

from config.matrix import ACTING, BUREAU, SEATS, actions, asks_again
from config.roles import ROLES
from tests.house.addresses import addresses

ADDRESSES = {each.name: each for each in addresses()}
CELLS = ACTING | set("RM-")
#: Rows whose doors ask for one of several rights and then decide inside by the finer one.
DECIDED_INSIDE = {37}
OPEN = {"public", "signed in"}


def may_open(name, role):
    return bool(set(ADDRESSES[name].right.split(" | ")) & set(ROLES[role]))


def test_the_file_has_the_forty_actions_of_the_paper_then_ours_and_known_cells():
    assert [each.number for each in actions()] == list(range(1, len(actions()) + 1))
    assert len(actions()) > 40
    assert {cell for each in actions() for cell in each.cells.values()} <= CELLS
    named = [name for each in actions() for name in each.reads + each.acts]
    assert [each for each in named if each not in ADDRESSES] == []
    assert len(named) == len(set(named)), "an address belongs to one action"


def test_an_officer_may_open_what_the_matrix_says_and_no_more():
    wrong = []
    for action in actions():
        if action.number in DECIDED_INSIDE:
            continue
        for column, role in BUREAU.items():
            for names, may in ((action.reads, action.reading()), (action.acts, action.acting())):
                wrong += [
                    f"{action.number} {name}: {role}"
                    for name in names
                    if "." in ADDRESSES[name].right and may_open(name, role) != (column in may)
                ]
    assert wrong == []


def test_a_seat_may_open_what_the_matrix_says_of_its_side():
    sides = {"seat:enterprise": ("SA", "SM"), "seat:provider": ("PO", "PA")}
    wrong = []
    for action in actions():
        for name in action.reads + action.acts:
            columns = sides.get(ADDRESSES[name].right)
            if columns and not any(action.cells[each] != "-" for each in columns):
                wrong.append(name)
            if ADDRESSES[name].right == "public" and set(action.cells.values()) != {"A"}:
                wrong.append(name)
    assert wrong == []


def test_every_act_that_takes_two_asks_again_who_it_is_or_says_why_not():
    """Handling a finding and a filed statement line are small steps that others look over."""
    small = {16, 20}
    heavy = {each.number for each in actions() if "2" in each.cells.values()}
    assert heavy - small <= {each.number for each in actions() if each.again}


def test_every_act_of_the_bureau_stands_in_the_matrix():
    """Nobody of the bureau opens an address of which the matrix knows nothing."""
    named = {name for each in actions() for name in each.reads + each.acts}
    left = [each.name for each in addresses() if "." in each.right and each.name not in named]
    assert left == []


def test_platform_and_audit_act_on_nothing_of_the_business():
    business = [each for each in actions() if each.number in range(3, 30)]
    machines = {17, 19}  # sizes and records of machines: the platform keeps them running
    assert {each.cells["AU"] for each in business} <= {"-", "R"}
    assert {each.cells["XA"] for each in business if each.number not in machines} == {"-"}


def test_what_asks_again_is_found_by_name():
    assert {"office_case_approve", "office_approve_now", "office_key_confirm"} <= asks_again()
    assert not asks_again() & {each.name for each in addresses() if each.right in OPEN}


def test_every_column_is_a_role_or_a_seat():
    assert set(BUREAU.values()) == set(ROLES)
    assert len(SEATS) == 4
