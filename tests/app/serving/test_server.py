"""The page over HTTP: who is let in, what is let through, what is left behind. Skipped where the extra is absent."""

import asyncio
import io
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gkmvlp.app.benchmarks.radiograph import PATIENT, STUDY
from gkmvlp.app.benchmarks.served_page import served_page
from gkmvlp.app.benchmarks.serving import endure
from gkmvlp.app.cli import main
from gkmvlp.app.dicom.dicomweb import DicomWeb
from gkmvlp.app.dicom.identity import ModelIdentity
from gkmvlp.app.serving.archive import Archive
from gkmvlp.app.serving.desk import Desk
from gkmvlp.app.serving.guard import COOKIE, POLICY, Guard
from gkmvlp.app.serving.limits import MB, Limits
from gkmvlp.app.serving.server import Options, build_app, is_loopback, listen
from gkmvlp.app.serving.uploads import AGE, Uploads
from gkmvlp.errors import ConfigError, UsageError
from tests.app.dicom.radiographs import write_radiograph
from tests.app.dicom.servers import Holding, answering
from tests.app.serving.files import picture

pytest.importorskip("gradio", reason="the extra serve (Gradio) is not installed")
TOKEN = "a-long-secret-1"


@pytest.fixture
def client_of(small_models, tmp_path, monkeypatch):
    """A client of a page with some options; uploads lie in the test's own folder."""
    from starlette.testclient import TestClient

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))

    def client(limits=None, archive=None, **options):
        desk = Desk([small_models], archive=archive, limits=limits or Limits())
        app = build_app(desk, Options(["model"], **options))
        return TestClient(app, base_url="http://127.0.0.1:7860", follow_redirects=False)

    return client


def upload(client, data, name="a.png"):
    return client.post("/gradio_api/upload", files={"files": (name, io.BytesIO(data))})


def call(client, name, data, session="s1"):
    """What the page's own script does: joins the queue, then waits for the end of its event. Data of the outputs."""
    joined = client.post(f"/gradio_api/call/{name}", json={"data": data, "session_hash": session})
    assert joined.status_code == 200, joined.text
    told = client.get(f"/gradio_api/call/{name}/{joined.json()['event_id']}").text
    assert "event: complete" in told, told
    return told


def test_the_page_asks_nothing_of_other_hosts(client_of):
    with client_of() as client:
        page = client.get("/")
        assert page.status_code == 200
        assert page.headers["content-security-policy"] == POLICY
        assert all("http" not in part for part in POLICY.split("; "))
        config = client.get("/config").json()
    assert config["analytics_enabled"] is False
    assert config["footer_links"] == []
    assert any("not for clinical use" in str(one["props"].get("value")) for one in config["components"])


def test_an_upload_is_read_and_deleted(client_of, tmp_path):
    with client_of() as client:
        (path,) = upload(client, picture()).json()
        assert Path(path).is_relative_to(tmp_path / "uploads")
        told = call(client, "read", [{"path": path, "meta": {"_type": "gradio.FileData"}}])
        assert "gk-reading" in told
        assert "a.png" in told
    assert [file for file in (tmp_path / "uploads").rglob("*") if file.is_file()] == []


def test_saved_readings_are_found_by_their_key_alone(client_of):
    with client_of() as client:
        (path,) = upload(client, picture()).json()
        told = call(client, "read", [{"path": path, "meta": {"_type": "gradio.FileData"}}])
        key = told.split("reading/")[1].split(".")[0]
        page, content = client.get(f"/reading/{key}.html"), client.get(f"/reading/{key}.json")
        assert page.text.startswith("<!doctype html>")
        assert "attachment" in page.headers["content-disposition"]
        assert content.json()["readings"][0]["image"] == "a.png"
        assert client.get("/reading/other.html").status_code == 404
        assert client.get(f"/reading/{key}.exe").status_code == 404


def test_a_name_with_a_leading_dot_is_read_wherever_the_server_was_started(client_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # uploads then lie below it
    with client_of() as client:
        (path,) = upload(client, picture(), ".hidden.png").json()
        assert "gk-reading" in call(client, "read", [{"path": path, "meta": {"_type": "gradio.FileData"}}])


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "..\\..\\x.png", "a\x00b.png"])
def test_a_file_name_leads_nowhere(client_of, tmp_path, name):
    with client_of() as client:
        answer = upload(client, picture(), name)
    if answer.status_code == 200:
        assert Path(answer.json()[0]).resolve().is_relative_to(tmp_path / "uploads")
    assert all(file.is_relative_to(tmp_path / "uploads") for file in tmp_path.rglob("*") if file.is_file())


def test_a_path_of_the_server_is_not_read(client_of, tmp_path):
    """Neither a file that was not uploaded nor an address, which Gradio would fetch; nothing is removed either."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture())
    inside = tmp_path / "uploads" / ".." / "secret.png"
    with client_of() as client:
        for path in (secret, inside, "/etc/passwd", "http://127.0.0.1:9/x.png"):
            data = {"data": [{"path": str(path), "meta": {"_type": "gradio.FileData"}}]}
            joined = client.post("/gradio_api/call/read", json=data)
            told = client.get(f"/gradio_api/call/read/{joined.json()['event_id']}").text
            assert "gk-reading" not in told
            assert "event: error" in told or "This file is gone" in told
        assert client.get("/").status_code == 200
    assert secret.is_file()
    assert [file for file in (tmp_path / "uploads").rglob("*") if file.is_file()] == []


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/run/read", "/monitoring",
     "/gradio_api/vibe-edit", "/gradio_api/run-history/records", "/docs", "/openapi.json", "/gradio_api/mcp/"],
)  # fmt: skip
def test_what_the_page_does_not_need_is_closed(client_of, path):
    with client_of() as client:
        assert client.get(path).status_code == 404
        assert client.post(path, json={}).status_code == 404


def test_a_body_that_says_it_is_too_large_is_not_received(client_of):
    with client_of() as client:
        headers = {"content-length": str(2_000 * MB), "content-type": "multipart/form-data; boundary=x"}
        answer = client.post("/gradio_api/upload", content=b"", headers=headers)
        assert answer.status_code == 413
        assert "at most 64 MB" in answer.json()["detail"]
        assert client.get("/").status_code == 200


def test_a_body_that_says_nothing_is_cut_off(client_of, tmp_path):
    sent = 0

    def endless():
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        for _ in range(40):
            sent += 1
            yield bytes(MB // 2)

    with client_of(Limits(upload_bytes=MB)) as client:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = client.post("/gradio_api/upload", content=endless(), headers=headers)
        assert answer.status_code in (400, 413)
        assert client.get("/").status_code == 200
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) <= 2 * MB


def test_uploads_that_nobody_reads_do_not_fill_the_disk(client_of, tmp_path):
    """Of a size that is allowed each; what waited too long makes room, as does the rest of one that was cut off."""
    with client_of(Limits(upload_bytes=4000)) as client:
        answers = [upload(client, bytes(4000), f"{n}.png") for n in range(30)]
        assert {answer.status_code for answer in answers} == {200, 507}
        assert "try again in a minute" in answers[-1].text
        held = [file for file in (tmp_path / "uploads").rglob("*") if file.is_file()]
        assert 16 <= len(held) <= 18
        for file in held:
            os.utime(file, (0, time.time() - AGE - 1))
        (path,) = upload(client, picture()).json()
        assert "gk-reading" in call(client, "read", [{"path": path, "meta": {"_type": "gradio.FileData"}}])
    assert [file for file in (tmp_path / "uploads").rglob("*") if file.is_file()] == []


def test_uploads_of_one_client_in_a_minute_are_counted(client_of):
    with client_of(Limits(per_minute=3)) as client:
        answers = [upload(client, picture()) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert "Too many uploads in a minute" in answers[-1].text
        assert client.get("/").status_code == 200


def test_ten_uploads_at_once_are_all_read_and_not_mixed_up(client_of):
    with client_of() as client:

        def one(number):
            (path,) = upload(client, picture(seed=number), f"image-{number}.png").json()
            return call(client, "read", [{"path": path, "meta": {"_type": "gradio.FileData"}}], f"session{number}")

        with ThreadPoolExecutor(10) as pool:
            told = list(pool.map(one, range(10)))
    for number, text in enumerate(told):
        assert f"image-{number}.png" in text
        assert not any(f"image-{other}.png" in text for other in range(10) if other != number)


def test_another_name_of_this_server_is_refused(client_of):
    """A page of another site that lets its own name point here must not read what is shown."""
    with client_of() as client:
        assert client.get("/", headers={"host": "evil.example:7860"}).status_code == 421
        for host in ("127.0.0.1:7860", "localhost:7860", "[::1]:7860", "LOCALHOST"):
            assert client.get("/config", headers={"host": host}).status_code == 200


def test_a_token_opens_the_page(client_of):
    with client_of(host="0.0.0.0", token=TOKEN) as client:
        for path in ("/", "/config", "/gradio_api/info", "/reading/x.html", "/assets/x.js"):
            assert client.get(path).status_code == 401
        assert client.get("/?token=wrong-secret-1").status_code == 401
        assert upload(client, picture()).status_code == 401
        opened = client.get(f"/?token={TOKEN}")
        assert (opened.status_code, opened.headers["location"]) == (303, "/")
        assert "HttpOnly" in opened.headers["set-cookie"]
        assert "SameSite=Strict" in opened.headers["set-cookie"]
        assert client.get("/").status_code == 200
        client.cookies.clear()
        assert client.get("/", headers={"cookie": f"{COOKIE}=wrong"}).status_code == 401


def test_a_study_is_opened_chosen_and_its_reading_stored(client_of, small_models, tmp_path, monkeypatch, caplog):
    """What the page's own script sends; the title, the page's head and the log name nobody."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    held = Holding(*(write_radiograph(tmp_path / f"{name}.dcm") for name in ("first", "second")))
    identities = [{part: ModelIdentity.of(name) for part, name in small_models.named.items()}]
    with caplog.at_level("DEBUG"), answering(held) as url:
        archive = Archive(DicomWeb(url, 5), identities)
        with client_of(archive=archive) as client:
            assert "Study in the archive" in client.get("/config").text
            opened = call(client, "open", [STUDY])
            values = sorted(set(re.findall(rf"{STUDY}/[\d.]+/[\d.]+", opened)))
            assert len(values) == 2
            assert all(f"Reading of {value.split('/')[2]}" in call(client, "choose", [value]) for value in values)
            assert "gk-done" in call(client, "store", [])
            key = opened.split("reading/")[1].split(".")[0]
            assert client.get(f"/reading/{key}.html").status_code == 404  # another was chosen
    assert {one.Modality for one in held.stored} == {"SR", "SEG", "OT"}
    assert not [name for name in ("Sonnenschein", PATIENT) if name in opened + caplog.text]


def test_a_page_without_an_archive_has_no_field_for_it(client_of):
    with client_of() as client:
        assert "Study in the archive" not in client.get("/config").text


@pytest.mark.parametrize(
    ("url", "line"),
    [("nowhere", "an address like http://127.0.0.1:8042/dicom-web was expected"),
     ("http://a:b@127.0.0.1/x", "no password in an address")],
)  # fmt: skip
def test_no_archive_at_such_an_address(url, line, capsys):
    assert main(["serve", "--model", "zoo://gk-mvlp-phantom", "--port", "0", "--dicomweb", url]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_the_network_needs_a_token(host, capsys):
    with pytest.raises(UsageError, match="lets others on the network read and send images"):
        Options(["m"], host=host)
    assert main(["serve", "--model", "m", "--host", host]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert Options(["m"], host=host, token=TOKEN).token == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_this_computer_alone_needs_none(host):
    assert is_loopback(host)
    assert Options(["m"], host=host).token is None


@pytest.mark.parametrize(
    "options", [{"token": "short"}, {"token": "with spaces in it"}, {"port": 70_000}, {"max_mb": 0}]
)
def test_options_that_cannot_work(options):
    with pytest.raises(UsageError):
        Options(["m"], **options)


def test_the_token_stands_in_no_text():
    assert TOKEN not in repr(Options(["m"], host="0.0.0.0", token=TOKEN))


def test_a_taken_port_is_one_line():
    first = listen("127.0.0.1", 0)
    first.listen()
    with pytest.raises(ConfigError, match="name another --port"):
        listen("127.0.0.1", first.getsockname()[1])
    first.close()


def test_a_model_that_is_not_there_is_one_line(capsys):
    assert main(["serve", "--model", "zoo://no-such-model", "--port", "0"]) in (1, 2)
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_memory_does_not_grow_in_a_thousand_readings_of_four_clients(small_folders):
    """No error, none mixed up; after the first 200, which fill caches, at most 5 % more is resident."""
    with served_page([str(folder) for folder in small_folders.values()]) as served:
        endured = endure(served, 1000)
    print(endured)
    assert (endured.errors, endured.mixed_up) == (0, 0)
    assert endured.growth < 0.05


def test_the_guard_counts_what_arrives(tmp_path):
    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"whole"})

    def sent(parts):
        messages = [{"type": "http.request", "body": bytes(part), "more_body": True} for part in parts]
        messages[-1]["more_body"] = False
        answers = []

        async def receive():
            return messages.pop(0)

        async def send(message):
            answers.append(message)

        scope = {"type": "http", "path": "/", "query_string": b"", "headers": [(b"host", b"localhost")]}
        guard = Guard(app, Limits(upload_bytes=1000), Uploads(tmp_path, 0), frozenset({"localhost"}), None)
        asyncio.run(guard(scope, receive, send))
        return answers[0]["status"], len(messages)

    assert sent([500, 400]) == (200, 0)
    assert sent([500] + [50_000] * 10) == (413, 7)
