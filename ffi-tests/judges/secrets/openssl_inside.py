"""What Python's ssl does not hand out of its OpenSSL: a session's resumption secret and ticket; AES-256-GCM."""

import _ssl
import ctypes

_lib = ctypes.CDLL(_ssl.__file__)
for _function in (_lib.EVP_aes_256_gcm, _lib.EVP_CIPHER_CTX_new):
    _function.restype = ctypes.c_void_p
_lib.SSL_SESSION_get_master_key.restype = ctypes.c_size_t
_SET_TAG = 0x11


class _Object(ctypes.Structure):
    """`_ssl.SSLSession`."""

    _fields_ = [("references", ctypes.c_ssize_t), ("type", ctypes.c_void_p), ("session", ctypes.c_void_p)]


def _session(session):
    return ctypes.c_void_p(_Object.from_address(id(session)).session)


def resumption_secret(session):
    """TLS 1.3: the pre-shared key of the newest ticket."""
    key = ctypes.create_string_buffer(64)
    length = _lib.SSL_SESSION_get_master_key(_session(session), key, ctypes.c_size_t(len(key)))
    return key.raw[:length]


def ticket(session):
    bytes_, length = ctypes.c_void_p(), ctypes.c_size_t()
    _lib.SSL_SESSION_get0_ticket(_session(session), ctypes.byref(bytes_), ctypes.byref(length))
    return ctypes.string_at(bytes_.value, length.value)


def opens(key, nonce, sealed, aad):
    """Whether this is AES-256-GCM's ciphertext and tag under this key."""
    context, length = ctypes.c_void_p(_lib.EVP_CIPHER_CTX_new()), ctypes.c_int()
    room = ctypes.create_string_buffer(len(sealed))
    data, tag = sealed[:-16], sealed[-16:]
    good = (
        _lib.EVP_DecryptInit_ex(context, ctypes.c_void_p(_lib.EVP_aes_256_gcm()), None, key, nonce) == 1
        and _lib.EVP_DecryptUpdate(context, None, ctypes.byref(length), aad, len(aad)) == 1
        and _lib.EVP_DecryptUpdate(context, room, ctypes.byref(length), data, len(data)) == 1
        and _lib.EVP_CIPHER_CTX_ctrl(context, _SET_TAG, 16, tag) == 1
        and _lib.EVP_DecryptFinal_ex(context, room, ctypes.byref(length)) == 1
    )
    _lib.EVP_CIPHER_CTX_free(context)
    return good
