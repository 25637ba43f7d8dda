"""The rooms and shelves: imports go down, value moves in few files, rules know no framework."""

from importlinter import cli

from tests.house.source_tree import ROOMS, ROOT, settings_of_tools, shelves_of

CONTRACTS = settings_of_tools()["tool"]["importlinter"]["contracts"]


def contract(name: str) -> dict:
    return next(each for each in CONTRACTS if each["name"] == name)


def rule_files(room: str) -> set[str]:
    """Return what stands below the models and is no form of them: the rules."""
    shelves = shelves_of(room)
    below = shelves.index({"models"}) + 1
    return set().union(*shelves[below:]) - {"lifecycle", "moves", "client", "clock"}


def exists(room: str, name: str) -> bool:
    return (ROOT / room / f"{name}.py").exists() or (ROOT / room / name).is_dir()


def test_all_contracts_are_kept(capsys):
    assert cli.lint_imports(str(ROOT / "pyproject.toml"), no_cache=True) == 0, (
        capsys.readouterr().out
    )


def test_every_file_below_the_models_is_held_to_know_no_framework():
    expected = {
        f"{room}.{name}" for room in ROOMS for name in rule_files(room) if exists(room, name)
    }
    assert set(contract("rules know no framework")["source_modules"]) == expected


def test_value_moves_in_few_named_files():
    files = contract("only these files move value")["allowed_importers"]
    assert files == [
        "ledger",
        "vouchers.funding",
        "vouchers.issuing",
        "vouchers.redeeming",
        "vouchers.spending",
        "providers.booking",
        "billing.settling.postings",
    ]


def test_every_room_has_a_shelf_contract_that_leaves_no_file_out():
    for room in ROOMS:
        (found,) = (each for each in CONTRACTS if each.get("containers") == [room])
        assert found["exhaustive"]
        assert found["exhaustive_ignores"] == ["migrations"]
