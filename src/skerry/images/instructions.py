"""The recipe's words as instructions for the root, carried out after the packages and before the scripts."""

from __future__ import annotations

import shlex

from skerry.images.words import Meaning


def settings_script(meaning: Meaning) -> bytes:
    """The words of the recipe as a shell script that runs in the root before its own scripts."""
    quote = shlex.quote
    name = quote(meaning.hostname)
    zone = f"/usr/share/zoneinfo/{meaning.timezone}"
    lines = [
        "set -e",
        f"echo LANG={quote(meaning.locale)} > /etc/locale.conf",
        "mkdir -p /etc/default && ln -sf ../locale.conf /etc/default/locale",
        f"if [ ! -e {quote(zone)} ] && [ {quote(meaning.timezone)} != Etc/UTC ]; then",
        f"  echo {quote(f'there is no time zone {meaning.timezone}; is tzdata in %packages?')} >&2; exit 1; fi",
        f"ln -sf {quote(zone)} /etc/localtime",
        f"echo {name} > /etc/hostname",
        rf"printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost\n' {name} > /etc/hosts",
    ]
    if meaning.root_password:
        lines.append(f"printf 'root:%s\\n' {quote(meaning.root_password.value)} | chpasswd --encrypted")
    else:
        # Without the package passwd, root is as base-passwd makes it: with no password that fits.
        lines.append("if command -v passwd >/dev/null; then passwd --lock root; fi")
    if meaning.dhcp:
        lines += [
            "mkdir -p /etc/systemd/network",
            "printf '[Match]\\nName=en* eth*\\n\\n[Network]\\nDHCP=yes\\n' > /etc/systemd/network/80-dhcp.network",
        ]
    lines += [f"systemctl disable {quote(unit)}" for unit in meaning.disabled]
    lines += [f"systemctl enable {quote(unit)}" for unit in meaning.enabled]
    return ("\n".join(lines) + "\n").encode()
