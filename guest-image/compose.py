#!/usr/bin/python3
"""Makes the table of dead keys that the desktop's programs read at their start (XCOMPOSEFILE, Compose(5)): of Latin letters only.

Debian's has six thousand lines, and whoever opens an input method parses all of them: a third of the work of xterm's and openbox's
start. `guest-image/compose.py > guest-image/files/desktop/usr/lib/anteroom/compose`
"""

import unicodedata

# What a space makes of the key, where it is not what the key twice makes: so quotes are typed on international keyboards.
QUOTES = {"acute": "'", "diaeresis": '\\"'}
# The key's name, what it adds to a letter, and what stands for it alone.
DEAD = [
    ("grave", "\u0300", "`"), ("acute", "\u0301", "\u00b4"), ("circumflex", "\u0302", "^"), ("tilde", "\u0303", "~"),
    ("macron", "\u0304", "\u00af"), ("breve", "\u0306", "\u02d8"), ("abovedot", "\u0307", "\u02d9"), ("diaeresis", "\u0308", "\u00a8"),
    ("abovering", "\u030a", "\u00b0"), ("doubleacute", "\u030b", "\u02dd"), ("caron", "\u030c", "\u02c7"),
    ("cedilla", "\u0327", "\u00b8"), ("ogonek", "\u0328", "\u02db"),
]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

print("# Made by guest-image/compose.py.")
for name, mark, alone in DEAD:
    print(f'<dead_{name}> <space> : "{QUOTES.get(name, alone)}"')
    print(f'<dead_{name}> <dead_{name}> : "{alone}"')
    for letter in LETTERS:
        composed = unicodedata.normalize("NFC", letter + mark)
        if len(composed) == 1:
            print(f'<dead_{name}> <{letter}> : "{composed}"')
