"""sign.py KEY VERSION FILE: says which version a file is, signed."""
import hashlib, hmac, json, pathlib, sys

key, version, file = sys.argv[1:4]
text = version.encode() + pathlib.Path(file).read_bytes()
signature = hmac.new(pathlib.Path(key).read_bytes(), text, hashlib.sha256).hexdigest()
print(json.dumps({"version": version, "signature": signature}))
