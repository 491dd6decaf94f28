"""`pydeepl cache info | clear`."""

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pydeepl.cli.text import table
from pydeepl.deep.cache import (
    CachedNetwork,
    cached_networks,
    clear_cache,
    default_folder,
    feature_folder,
    size_limit,
)
from pydeepl.deep.decisions import (
    KeptDecisions,
    clear_decisions,
    decisions_folder,
    kept_decisions,
    trials_are_on,
)
from pydeepl.deep.plan import check_model_name, model_names
from pydeepl.sizes import size_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """info, clear [NET | --trials]; --folder and --json for both."""
    parser.epilog = (
        "PYDEEPL_FEATURE_CACHE: 1 or a folder switches it on; PYDEEPL_FEATURE_CACHE_SIZE: its size. "
        "PYDEEPL_TRIALS: 0 switches trials of algorithms off."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    info = actions.add_parser(
        "info", help="what is in the cache of features, and what trials of algorithms decided"
    )
    clear = actions.add_parser("clear", help="remove the features, without asking")
    what = clear.add_mutually_exclusive_group()
    what.add_argument(
        "network",
        nargs="?",
        metavar="NET",
        help=f"only those of {', '.join(model_names())} or as info names it",
    )
    what.add_argument(
        "--trials",
        action="store_true",
        help="not features, but what trials of algorithms decided: networks that are prepared from now on "
        "decide anew, and their features may differ by rounding",
    )
    for action in (info, clear):
        action.add_argument("--folder", type=Path, metavar="DIR", help="the cache (%(default)s)")
        action.add_argument("--json", action="store_true", help="for programs")
        action.set_defaults(folder=default_folder())


def run(arguments: argparse.Namespace) -> int:
    """Runs the action."""
    folder = arguments.folder.expanduser().absolute()
    if arguments.action == "info":
        return _info(arguments, folder)
    return _clear_trials(arguments) if arguments.trials else _clear(arguments, folder)


def _info(arguments: argparse.Namespace, folder: Path) -> int:
    networks, limit, trials = cached_networks(folder), size_limit(), kept_decisions()
    if arguments.json:
        on = feature_folder(None) is not None
        head = {"folder": str(folder), "enabled": on, "limit": limit, **_totals(networks)}
        _print_json({**head, "trials": _trials_for_programs(trials)}, networks)
        return 0
    state = "" if feature_folder(None) is not None else " (off unless asked for: PYDEEPL_FEATURE_CACHE=1)"
    print(f"{folder}{state}\n{_sum(networks)} of {size_text(limit)}")
    _print_networks(networks)
    print(f"{decisions_folder()}{'' if trials_are_on() else ' (off: PYDEEPL_TRIALS)'}\n{_trials_sum(trials)}")
    return 0


def _clear(arguments: argparse.Namespace, folder: Path) -> int:
    model = arguments.network
    if model is not None and model not in [each.model for each in cached_networks(folder)]:
        check_model_name(model)
    networks = clear_cache(folder, model)
    if arguments.json:
        _print_json({"folder": str(folder), **_totals(networks)}, networks)
        return 0
    print(f"{folder}\nremoved {_sum(networks)}")
    _print_networks(networks)
    return 0


def _clear_trials(arguments: argparse.Namespace) -> int:
    trials = clear_decisions()
    if arguments.json:
        print(json.dumps(_trials_for_programs(trials), indent=1))
    else:
        print(f"{decisions_folder()}\nremoved {_trials_sum(trials)}")
    return 0


def _trials_for_programs(trials: list[KeptDecisions]) -> dict[str, Any]:
    files = [each._asdict() for each in trials]
    return {"folder": str(decisions_folder()), "enabled": trials_are_on(), "files": files}


def _trials_sum(trials: list[KeptDecisions]) -> str:
    total = size_text(sum(each.bytes for each in trials))
    return f"decisions of trials: {sum(each.decisions for each in trials)}, {total}"


def _totals(networks: list[CachedNetwork]) -> dict[str, int]:
    return {"entries": sum(each.entries for each in networks), "bytes": sum(each.bytes for each in networks)}


def _sum(networks: list[CachedNetwork]) -> str:
    totals = _totals(networks)
    return f"features of {totals['entries']} images, {size_text(totals['bytes'])}"


def _print_networks(networks: list[CachedNetwork]) -> None:
    if networks:
        print(table([_row(each) for each in networks]))


def _row(network: CachedNetwork) -> tuple[str, ...]:
    about = network.about
    used = "never" if network.used is None else f"{datetime.fromtimestamp(network.used):%Y-%m-%d %H:%M}"
    return (
        network.model,
        f"{about.get('layer', '?')}{_text('/', about.get('pooling'))}",
        f"{network.entries} images",
        size_text(network.bytes),
        f"used {used}",
        f"weights {about.get('weights', '?')}, {about.get('precision', '?')}, {about.get('scaleHint', '?')}",
    )


def _text(before: str, value: Any) -> str:
    return "" if value is None else f"{before}{value}"


def _print_json(head: dict[str, Any], networks: list[CachedNetwork]) -> None:
    print(json.dumps({**head, "networks": [each._asdict() for each in networks]}, indent=1))
