"""Fills a fresh database with sample data and its first admin; prints nothing secret.

usage: seed.py PORT PASSWORD_FILE
"""

import pathlib
import sys

import pymongo

CUSTOMERS = 100
ORDERS = 500
CITIES = ["Basel", "Bergen", "Kyoto", "Lagos", "Lima", "Porto", "Quito"]
STATES = ["paid", "packed", "sent", "returned"]


def customers():
    for number in range(CUSTOMERS):
        yield {"_id": number, "name": f"Customer {number}", "city": CITIES[number % len(CITIES)]}


def orders():
    for number in range(ORDERS):
        yield {
            "_id": number,
            "customer": number % CUSTOMERS,
            "state": STATES[number % len(STATES)],
            "cents": 100 + 37 * number % 9000,
        }


def main():
    if len(sys.argv) != 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 64
    password = pathlib.Path(sys.argv[2]).read_text().strip()
    client = pymongo.MongoClient("127.0.0.1", int(sys.argv[1]), serverSelectionTimeoutMS=5000, directConnection=True)
    shop = client["shop"]
    shop["customers"].insert_many(customers())
    shop["orders"].insert_many(orders())
    client["secret"]["payroll"].insert_one({"_id": 1, "note": "no instance may ever read this"})
    client["admin"].command("createUser", "admin", pwd=password, roles=["root"])
    client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
