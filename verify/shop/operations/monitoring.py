"""State of the API."""

import requests

from verify.shop.calls import Call, expect, operation
from verify.shop.people import People


@operation("getHealth", "health")
def get_health(people: People) -> Call:
    """Ask whether the API can work."""

    def check(answer: requests.Response) -> None:
        body = answer.json()
        expect("the state", body["status"], "ok")
        expect("the addon's state", body["modules"]["pos_api"], "installed")
        expect("the states of the modules", set(body["modules"].values()), {"installed"})

    return Call(check=check)
