"""The cipher suites, with the names that OpenSSL has for them."""

from __future__ import annotations

from typing import Dict, Tuple

SUITES: Dict[int, Tuple[str, int]] = {
    0x1301: ("TLS_AES_128_GCM_SHA256", 128), 0x1302: ("TLS_AES_256_GCM_SHA384", 256),
    0x1303: ("TLS_CHACHA20_POLY1305_SHA256", 256), 0xC02B: ("ECDHE-ECDSA-AES128-GCM-SHA256", 128),
    0xC02C: ("ECDHE-ECDSA-AES256-GCM-SHA384", 256), 0xCCA9: ("ECDHE-ECDSA-CHACHA20-POLY1305", 256),
    0xC02F: ("ECDHE-RSA-AES128-GCM-SHA256", 128), 0xC030: ("ECDHE-RSA-AES256-GCM-SHA384", 256),
    0xCCA8: ("ECDHE-RSA-CHACHA20-POLY1305", 256),
}


def suite(number: int) -> Tuple[str, str, int]:
    name, bits = SUITES[number]
    return name, "TLSv1.3" if number < 0x1400 else "TLSv1.2", bits
