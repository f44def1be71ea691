"""DICOMweb servers that are none: one that answers everything alike, and one that holds a few files."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pydicom

JSON = "application/dicom+json"


@contextmanager
def answering(answer):
    """The address of a server that does this with every request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()


def status(code, body=b"", kind="text/html"):
    """An answer of this status."""

    def answer(handler):
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class Holding:
    """What a server does that holds these files: QIDO-RS, WADO-RS and STOW-RS as far as the client asks.

    ``stored`` are the objects that came, ``asked`` the queries of searches.
    """

    FILTERS = ("AccessionNumber", "StudyDate")

    def __init__(self, *files):
        self.files = {pydicom.dcmread(file).SOPInstanceUID: file.read_bytes() for file in files}
        self.stored, self.asked = [], []

    def __call__(self, handler):
        parts = urlsplit(handler.path)
        path, query = parts.path.split("/")[2:], {k: v[0] for k, v in parse_qs(parts.query).items()}
        if handler.command == "POST":
            return self._store(handler)
        if len(path) == 6 and path[5] in self.files:
            body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + self.files[path[5]] + b"\r\n--x--\r\n"
            return status(200, body, 'multipart/related; type="application/dicom"; boundary=x')(handler)
        return status(200, json.dumps(self._rows(path, query)).encode(), JSON)(handler)

    def _rows(self, path, query):
        self.asked.append(query)
        datasets = [pydicom.dcmread(BytesIO(data), stop_before_pixels=True) for data in self.files.values()]
        named = dict(zip(path[::2], path[1::2], strict=False))
        keys = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID"}
        datasets = [
            d for d in datasets
            if all(d[keys[level]].value == uid for level, uid in named.items())
            and all(d.get(name) == query[name] for name in self.FILTERS if name in query)
        ]  # fmt: skip
        level = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}[path[-1]]
        rows = {}
        for dataset in datasets:
            row = json.loads(dataset.to_json())
            row["00080061"] = {"vr": "CS", "Value": [dataset.Modality]}
            rows.setdefault(row[level]["Value"][0], row)
        return list(rows.values())

    def _store(self, handler):
        body = _body(handler)
        mark = b"--" + handler.headers["Content-Type"].split("boundary=")[1].strip('"').encode()
        for part in body.split(mark)[1:-1]:
            data = part.split(b"\r\n\r\n", 1)[1]
            self.stored.append(pydicom.dcmread(BytesIO(data[:-2])))
        done = [{"00081155": {"vr": "UI", "Value": [str(d.SOPInstanceUID)]}} for d in self.stored]
        status(200, json.dumps({"00081199": {"vr": "SQ", "Value": done}}).encode(), JSON)(handler)


def _body(handler):
    """What came with a request, of a length that its head tells or in chunks."""
    if length := handler.headers["Content-Length"]:
        return handler.rfile.read(int(length))
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body
