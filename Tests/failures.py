#!/usr/bin/env python3
"""Names what failed in a report of `swift test --xunit-output`, once more, at the end of a long output."""

import sys
import xml.etree.ElementTree as ElementTree


def main(path):
    try:
        tests = ElementTree.parse(path).iter("testcase")
    except (OSError, ElementTree.ParseError) as error:
        sys.exit("%s: %s: the tests ended before they reported, see above" % (path, error))
    for test in tests:
        for failure in test.iter("failure"):
            print("FAILED %s.%s: %s" % (test.get("classname"), test.get("name"), failure.get("message")), file=sys.stderr)


main(sys.argv[1])
