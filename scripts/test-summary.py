#!/usr/bin/env python3
"""Tells what the stages of `.ci/run` did, from their logs: a table, every skipped test with its reason, what failed.

Usage: test-summary.py FOLDER, which holds `stages.tsv` (a name, an exit status and the seconds a line) and NAME.log for each.
Exits with 1 where a stage failed.
"""
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
SKIPPED = re.compile(r'^➜ +Test (.*?) skipped(?:: "(.*)")?\.?$')
FAILED = re.compile(r"^✘ +Test (?!run with|case )(.*?)(?: with \d+ test cases?)? failed after ")
CLOSING = re.compile(r"^[✔✘] +(Test run with (\d+) tests? .*)$")
NOISE = re.compile(r"^[◇✔➜]| started\.$")

rows, closings, skips, failures = [], [], {}, []
for line in (folder / "stages.tsv").read_text().splitlines():
    stage, status, seconds = line.split("\t")
    ran = skipped = failed = 0
    log = (folder / f"{stage}.log").read_text(errors="replace")
    for text in log.splitlines():
        if found := CLOSING.match(text):
            ran += int(found.group(2))
            closings.append(f"{text}  [{stage}]")
        elif found := SKIPPED.match(text):
            skipped += 1
            skips.setdefault((found.group(1), found.group(2) or "no reason given"), []).append(stage)
        elif found := FAILED.match(text):
            failed += 1
            failures.append(f"{stage}: {found.group(1)}")
    if status != "0":
        failures.append(f"{stage}: the stage failed with status {status}")
        telling = [text for text in log.splitlines() if not NOISE.search(text)]
        # A crash, a sanitizer's report or a build that failed names no test: what the log ends with does.
        issues = [text for text in telling if " recorded an issue " in text]
        failures += ["    " + text[:500] for text in (issues or telling[-40:])]
        failed = max(failed, 1)
    rows.append((stage, max(ran - skipped - failed, 0), skipped, failed, int(seconds), status == "0"))

print("\n| stage | passed | skipped | failed | seconds | |")
print("|---|---|---|---|---|---|")
for stage, passed, skipped, failed, seconds, good in rows:
    print(f"| {stage} | {passed} | {skipped} | {failed} | {seconds} | {'' if good else 'FAILED'} |")
print(f"| all | {' | '.join(str(sum(row[column] for row in rows)) for column in range(1, 5))} | |")
if skips:
    print("\nSkipped:")
    for (test, reason), stages in sorted(skips.items()):
        print(f"- {test}: {reason} ({', '.join(dict.fromkeys(stages))})")
if failures:
    print("\nFailed:")
    for failure in failures:
        print(f"- {failure}" if not failure.startswith(" ") else failure)
print()
for closing in closings:
    print(closing)
print(f"{sum(row[1] for row in rows)} passed, {sum(row[3] for row in rows)} failed, {sum(row[2] for row in rows)} skipped")
sys.exit(0 if all(row[5] for row in rows) else 1)
