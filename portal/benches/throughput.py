"""Requests per second of several addresses, measured in turns so that all of them meet the same machine."""

import http.client
import threading
import time
from statistics import median

from portal.benches.serving import PROXY_HEADERS, WORKERS, ServerError


def in_turns(port, urls, *, cookies, rounds, requests, seconds):
    """Return {name: [requests per second of each round]}; each turn ends after `requests` or `seconds`."""
    headers = PROXY_HEADERS | {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    names = list(urls)
    for name in names:
        requests_per_second(port, urls[name], headers, requests=max(2, requests // 5), seconds=seconds)
    rates = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            rates[name].append(requests_per_second(port, urls[name], headers, requests=requests, seconds=seconds))
    return rates


def requests_per_second(port, url, headers, *, requests, seconds):
    """As many threads as the server has workers ask again and again."""
    turns, errors = iter(range(requests)), []
    started = time.perf_counter()
    done = []

    def ask():
        try:
            while time.perf_counter() < started + seconds and next(turns, None) is not None:
                _get(port, url, headers)
                done.append(1)
        except (OSError, http.client.HTTPException, ServerError) as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return len(done) / (time.perf_counter() - started)


def _get(port, url, headers):
    """A new connection each time: gunicorn's sync workers keep none alive."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", url, headers=headers)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != 200 or not body:
        raise ServerError(f"{url} answers {response.status}")


def ratio(rates, base):
    """The median of what the rounds say: in each of them both had the machine in the same state."""
    return round(median(rate / other for rate, other in zip(rates, base, strict=True)), 3)
