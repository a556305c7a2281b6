"""Real HTTP servers that play SMS providers: they answer as told and remember what they were sent."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit


class StubProvider:
    def __init__(self):
        self.requests = []
        self.status = 200
        self.delay = 0
        self.closing = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = stub.answer(self, body)
                stub.closing.wait(stub.delay)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                """Whoever asked has gone: killed, or out of patience."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class StubGateway(StubProvider):
    """The generic HTTP contract of docs/sms.md."""

    @property
    def url(self):
        return f"{self.origin}/sms"

    def answer(self, handler, body):
        self.requests.append((handler.headers["Authorization"], json.loads(body)))
        return self.status, b""


class StubAliyun(StubProvider):
    """SendSms of Alibaba Cloud: checks the signature as its documentation describes it, answers `code`."""

    code = "OK"

    def __init__(self, secret):
        super().__init__()
        self.secret = secret

    def answer(self, handler, body):
        query = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        self.requests.append((handler.headers, query))
        wanted = acs3_signature(self.secret, "POST", query, handler.headers, body)
        if not handler.headers["Authorization"].endswith(f",Signature={wanted}"):
            return 400, json.dumps({"Code": "SignatureDoesNotMatch", "Message": "wrong"}).encode()
        answer = {"Code": self.code, "Message": f"{query['PhoneNumbers']}: {self.code}", "RequestId": "R-1"}
        receipt = {"BizId": "900619746936498440^0"} if self.code == "OK" else {}
        return self.status, json.dumps(answer | receipt).encode()


def acs3_signature(secret, method, query, headers, body):
    """Signature V3 (ACS3-HMAC-SHA256) of a request to `/`, from the published description, not from the SDK."""
    names = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    pairs = [f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query.items())]
    canonical = "\n".join(
        [
            method,
            "/",
            "&".join(pairs),
            "".join(f"{name}:{headers[name].strip()}\n" for name in names),
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.new(secret.encode(), to_sign.encode(), "sha256").hexdigest()
