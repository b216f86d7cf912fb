"""Checks that `clip models pull` and huggingface_hub lay out the same cache, and that each finds what the other fetched.

    python shared_cache.py PATH_OF_CLIP MODEL_DIRECTORY     (needs huggingface_hub; asks no network)

A hub on loopback serves the directory as org/model: its largest file as a large one, from another port.
"""
import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

clip, model = sys.argv[1], pathlib.Path(sys.argv[2])
COMMIT = "0123456789" * 4
kinds = [".json", ".safetensors", ".txt", ".yaml"]  # what a model needs, and all that `clip` fetches
files = {path.name: path.read_bytes() for path in model.iterdir() if path.suffix in kinds}
large = max(files, key=lambda name: len(files[name]))


def etag(name):
    content = files[name]
    if name == large:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    storage = None

    def log_message(self, *_):
        pass

    def reply(self, status, headers={}, body=b""):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        entries = [{"path": name, "oid": etag(name), "size": len(files[name]), "type": "file"} for name in files]
        for entry in entries:
            if entry["path"] == large:
                entry["lfs"] = {"oid": etag(large), "size": len(files[large]), "pointerSize": 130}
        if path.startswith("/api/models/org/model/revision/"):
            siblings = [{"rfilename": entry["path"], "size": entry["size"], "blobId": entry["oid"]} for entry in entries]
            for sibling in siblings:
                if sibling["rfilename"] == large:
                    sibling["lfs"] = {"sha256": etag(large), "size": len(files[large]), "pointerSize": 130}
            info = {"id": "org/model", "sha": COMMIT, "siblings": siblings, "cardData": {"x": [1.5, None, "\u0085"]}}
            return self.reply(200, {"Content-Type": "application/json"}, json.dumps(info).encode())
        if path.startswith("/api/models/org/model/tree/"):
            return self.reply(200, {"Content-Type": "application/json"}, json.dumps(entries).encode())
        name = path.rsplit("/", 1)[-1]
        if path.startswith("/storage/"):
            assert "Authorization" not in self.headers
            return self.reply(200, {"ETag": '"of-the-storage"'}, files[name])
        if not path.startswith(f"/org/model/resolve/{COMMIT}/") or name not in files:
            return self.reply(404)
        assert self.headers["Authorization"] == "Bearer hf_secret"
        headers = {"ETag": f'"{etag(name)}"', "X-Repo-Commit": COMMIT}
        if name == large:
            headers |= {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(len(files[name]))}
            return self.reply(302, headers | {"Location": f"{Handler.storage}/storage/{name}"})
        self.reply(200, headers, files[name])

    do_HEAD = do_GET


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def tree(folder):
    """Files and links of a cache, but for lock files, tags and listings, which only Python's tools write."""
    result = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name.startswith(".locks") or path.name == "CACHEDIR.TAG" or "/trees/" in name or path.is_dir():
            continue
        result[name] = f"-> {os.readlink(path)}" if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
    return result


endpoint, Handler.storage = serve(), serve()
folder = pathlib.Path(tempfile.mkdtemp())
settings = {"HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_secret", "no_proxy": "127.0.0.1", "HF_HUB_DISABLE_XET": "1"}
os.environ |= settings


def pull(cache, **more):
    command = [clip, "models", "pull", "hf:org/model"]
    result = subprocess.run(
        command, env={**settings, "HF_HUB_CACHE": str(cache), "PATH": "/usr/bin:/bin", **more},
        check=True, capture_output=True, text=True)
    return result.stdout.strip()


import huggingface_hub  # noqa: E402, after its environment is set

ours, theirs = folder / "ours", folder / "theirs"
path = pull(ours)
python_path = huggingface_hub.snapshot_download("org/model", cache_dir=theirs)
difference = tree(ours).items() ^ tree(theirs).items()
assert not difference, difference
assert huggingface_hub.snapshot_download("org/model", cache_dir=ours, local_files_only=True) == path
for name in files:
    found = huggingface_hub.try_to_load_from_cache("org/model", name, cache_dir=ours)
    assert found == f"{path}/{name}", found
    assert pathlib.Path(found).read_bytes() == files[name]
assert huggingface_hub.snapshot_download("org/model", cache_dir=ours) == path
assert huggingface_hub.scan_cache_dir(ours).repos, "not scanned"
assert pull(theirs, HF_HUB_OFFLINE="1") == python_path
before = tree(theirs)
assert pull(theirs) == python_path and tree(theirs) == before
print(f"one cache: {len(files)} files, {sum(map(len, files.values()))} bytes, huggingface_hub {huggingface_hub.__version__}")
