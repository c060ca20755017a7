"""render.py PAGES CACHE OUT: turns texts into pages; what was rendered before is taken from the cache."""
import hashlib, html, pathlib, shutil, sys

pages, cache, out = map(pathlib.Path, sys.argv[1:4])
out.mkdir(parents=True, exist_ok=True)
for page in sorted(pages.glob("*.txt")):
    text = page.read_text()
    kept = cache / hashlib.sha256(text.encode()).hexdigest()
    if kept.exists():
        print(f"{page.name}: from the cache")
    else:
        print(f"{page.name}: rendered")
        lines = "".join(f"<p>{html.escape(line)}</p>\n" for line in text.splitlines())
        kept.write_text(f"<!doctype html>\n<title>{page.stem}</title>\n{lines}")
    shutil.copyfile(kept, out / f"{page.stem}.html")
