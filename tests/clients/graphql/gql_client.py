"""The gql client (PyPI) against the GraphQL door: schema, changes, pages, errors, as an application would use them."""

import os
import sys

import requests
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport

URL = os.environ["QUARRY_HTTP"].rstrip("/")
USER, PASSWORD = os.environ["QUARRY_USER"], os.environ["QUARRY_PASSWORD"]


def check(name, found, expected):
    if found != expected:
        sys.exit(f"{name}: found {found!r}, expected {expected!r}")


def main():
    login = requests.post(f"{URL}/api/v1/auth/login", json={"user": USER, "password": PASSWORD}, timeout=30)
    login.raise_for_status()
    headers = {"Authorization": f"Bearer {login.json()['token']}"}
    transport = RequestsHTTPTransport(url=f"{URL}/graphql", headers=headers, timeout=60)
    # The client fetches the schema and checks every document against it before sending it.
    with Client(transport=transport, fetch_schema_from_transport=True) as session:
        create = gql(
            """mutation ($input: AccountInput!) {
                 createAccount(input: $input) { id done record { name annualRevenue industry revision } }
               }"""
        )
        new = {"name": "Client Test Ltd", "annualRevenue": "1234.50", "industry": "technology"}
        made = session.execute(create, variable_values={"input": new})["createAccount"]
        check("done", made["done"], "CREATED")
        record = {"name": "Client Test Ltd", "annualRevenue": "1234.50", "industry": "technology", "revision": 1}
        check("record", made["record"], record)
        account = made["id"]

        contacts = gql(
            """mutation ($input: [ContactInput!]!) { createContacts(input: $input) { count records { lastName account { name } } } }"""
        )
        rows = [{"lastName": f"Person {index}", "accountId": account} for index in range(5)]
        many = session.execute(contacts, variable_values={"input": rows})["createContacts"]
        check("count", many["count"], 5)
        check("order", [row["lastName"] for row in many["records"]], [row["lastName"] for row in rows])

        page = gql(
            """query ($id: ID!, $after: String) {
                 account(id: $id) {
                   contacts(first: 2, after: $after, orderBy: [{lastName: DESC}]) {
                     totalCount
                     edges { cursor node { lastName } }
                     pageInfo { hasNextPage endCursor }
                   }
                 }
               }"""
        )
        seen, after = [], None
        while True:
            variables = {"id": account, "after": after}
            found = session.execute(page, variable_values=variables)["account"]["contacts"]
            check("totalCount", found["totalCount"], 5)
            seen += [edge["node"]["lastName"] for edge in found["edges"]]
            if not found["pageInfo"]["hasNextPage"]:
                break
            after = found["pageInfo"]["endCursor"]
        check("pages", seen, [f"Person {index}" for index in range(4, -1, -1)])

        try:
            session.execute(create, variable_values={"input": {"name": "Client Test Ltd"}})
        except TransportQueryError as error:
            entry = error.errors[0]
            check("code", entry["extensions"]["code"], "UNIQUE_VIOLATION")
            check("field", entry["extensions"]["field"], "name")
            check("path", entry["path"], ["createAccount"])
        else:
            sys.exit("a name that is taken was accepted")

        gone = gql("mutation ($id: ID!) { deleteAccount(id: $id) { done } }")
        check("delete", session.execute(gone, variable_values={"id": account}), {"deleteAccount": {"done": "DELETED"}})
        left = gql("query ($id: ID!) { account(id: $id) { id } }")
        check("gone", session.execute(left, variable_values={"id": account}), {"account": None})

    refused = requests.post(f"{URL}/graphql", json={"query": "{ __typename }"}, timeout=30)
    check("no login", refused.status_code, 401)
    print("ok")


if __name__ == "__main__":
    main()
