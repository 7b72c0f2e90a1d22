"""The verdict of `openssl verify` on a chain: every error that it tells, as "depth: what is wrong"."""

import ipaddress
import re
import subprocess

# What OpenSSL's sessions demand by default from release 3.2 on: 112 bits, which rules out RSA-1024 and SHA-1.
SECURITY_LEVEL = "2"

_ERROR = re.compile(r"^error \d+ at (\d+) depth lookup: ?(.*)$", re.MULTILINE)


def version():
    return subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split()[1]


def verify(chain, strict=False, partial_chain=False):
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-auth_level", SECURITY_LEVEL,
               "-purpose", f"ssl{chain.role}"]
    command += ["-CAfile", chain.path("anchors.pem")] if chain.anchors else ["-no-CAfile"]
    if len(chain.shows) > 1:
        command += ["-untrusted", chain.path("intermediates.pem")]
    if chain.lists:
        command.append("-crl_check_all")
        for path in chain.list_paths():
            command += ["-CRLfile", path]
    if chain.target:
        command += ["-verify_ip" if _is_address(chain.target) else "-verify_hostname", chain.target]
    command += chain.openssl_flags
    if strict:
        command.append("-x509_strict")
    if partial_chain:
        command.append("-partial_chain")
    done = subprocess.run([*command, chain.path("leaf.pem")], capture_output=True, text=True, check=False)
    errors = [f"{depth}: {text}" for depth, text in _ERROR.findall(done.stderr)]
    if done.returncode == 0:
        return []
    return errors or ["cannot be read"]


def _is_address(text):
    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        return False
