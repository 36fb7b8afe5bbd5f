"""Reads a double-entry ledger in YAML, refuses one that does not balance, and prints the trial balance."""

import sys
from collections import defaultdict
from decimal import Decimal

import orjson  # a compiled wheel from PyPI
import yaml  # Debian's python3-yaml


class Unbalanced(Exception):
    """A transaction whose amounts do not sum to zero."""


def balances(ledger):
    """Sums every account, after checking that each transaction moves money and neither makes nor loses any."""
    accounts = defaultdict(Decimal)
    for transaction in ledger["transactions"]:
        # Amounts are written as text: a YAML float would lose cents before Decimal sees it.
        amounts = {account: Decimal(amount) for account, amount in transaction["amounts"].items()}
        if total := sum(amounts.values()):
            raise Unbalanced(f"{transaction['date']} {transaction['what']}: off by {total}")
        for account, amount in amounts.items():
            accounts[account] += amount
    return accounts


def main(arguments):
    as_json = "--json" in arguments
    arguments = [argument for argument in arguments if argument != "--json"]
    if len(arguments) != 1:
        print("usage: ledger.py [--json] FILE.yaml", file=sys.stderr)
        return 2
    with open(arguments[0], encoding="utf-8") as file:
        ledger = yaml.safe_load(file)
    try:
        accounts = balances(ledger)
    except Unbalanced as error:
        print(f"unbalanced: {error}", file=sys.stderr)
        return 1
    if as_json:
        print(orjson.dumps(accounts, default=str, option=orjson.OPT_SORT_KEYS).decode())
        return 0
    for account, amount in sorted(accounts.items()):
        print(f"{account:<24}{amount:>12}")
    print(f"{'total':<24}{sum(accounts.values()):>12}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
