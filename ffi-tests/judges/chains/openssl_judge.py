"""OpenSSL's verdict on a chain, by the libcrypto that Python's ssl is linked with or the system has. Level 2: what its sessions demand
by default from release 3.2 on."""

import ctypes
import ctypes.util
import ipaddress

_CRL_CHECK, _CRL_CHECK_ALL, _STRICT, _PARTIAL = 0x4, 0x8, 0x20, 0x80000
_PURPOSE = {"client": 1, "server": 2}
_LEVEL = 2

_lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
for _name, _result, *_arguments in [
        ("d2i_X509", "p", "p", "p", "l"), ("d2i_X509_CRL", "p", "p", "p", "l"), ("X509_free", "v", "p"), ("X509_CRL_free", "v", "p"),
        ("X509_STORE_new", "p"), ("X509_STORE_free", "v", "p"), ("X509_STORE_add_cert", "i", "p", "p"),
        ("X509_STORE_add_crl", "i", "p", "p"), ("X509_STORE_CTX_new", "p"), ("X509_STORE_CTX_free", "v", "p"),
        ("X509_STORE_CTX_init", "i", "p", "p", "p", "p"), ("X509_STORE_CTX_get0_param", "p", "p"),
        ("X509_VERIFY_PARAM_set_flags", "i", "p", "L"), ("X509_VERIFY_PARAM_set_purpose", "i", "p", "i"),
        ("X509_VERIFY_PARAM_set_auth_level", "v", "p", "i"), ("X509_VERIFY_PARAM_set1_host", "i", "p", "s", "L"),
        ("X509_VERIFY_PARAM_set1_ip_asc", "i", "p", "s"), ("X509_verify_cert", "i", "p"), ("X509_STORE_CTX_get_error", "i", "p"),
        ("X509_verify_cert_error_string", "s", "l"), ("OPENSSL_sk_new_null", "p"), ("OPENSSL_sk_push", "i", "p", "p"),
        ("OPENSSL_sk_free", "v", "p"), ("OpenSSL_version", "s", "i")]:
    _kinds = {"p": ctypes.c_void_p, "l": ctypes.c_long, "L": ctypes.c_ulong, "i": ctypes.c_int, "s": ctypes.c_char_p, "v": None}
    _function = getattr(_lib, _name)
    _function.restype, _function.argtypes = _kinds[_result], [_kinds[kind] for kind in _arguments]


def version():
    return _lib.OpenSSL_version(0).decode()


def _read(function, der):
    data = ctypes.create_string_buffer(der, len(der))
    place = ctypes.c_void_p(ctypes.addressof(data))
    return function(None, ctypes.byref(place), len(der))


def verdict(chain, strict, partial_chain):
    """Nothing, or what is wrong."""
    certificates = [_read(_lib.d2i_X509, der) for der in chain.certificates]
    anchors = [_read(_lib.d2i_X509, der) for der in chain.anchors]
    lists = [_read(_lib.d2i_X509_CRL, der) for der in chain.lists]
    store, context, shown = _lib.X509_STORE_new(), _lib.X509_STORE_CTX_new(), _lib.OPENSSL_sk_new_null()
    try:
        if not certificates[0]:
            return "cannot be read"
        for certificate in filter(None, certificates[1:]):
            _lib.OPENSSL_sk_push(shown, certificate)
        for anchor in filter(None, anchors):
            _lib.X509_STORE_add_cert(store, anchor)
        for one in filter(None, lists):
            _lib.X509_STORE_add_crl(store, one)
        _lib.X509_STORE_CTX_init(context, store, certificates[0], shown)
        _configure(_lib.X509_STORE_CTX_get0_param(context), chain, strict, partial_chain)
        if _lib.X509_verify_cert(context) == 1:
            return None
        return _lib.X509_verify_cert_error_string(_lib.X509_STORE_CTX_get_error(context)).decode()
    finally:
        _lib.X509_STORE_CTX_free(context)
        _lib.X509_STORE_free(store)
        _lib.OPENSSL_sk_free(shown)
        for certificate in filter(None, certificates + anchors):
            _lib.X509_free(certificate)
        for one in filter(None, lists):
            _lib.X509_CRL_free(one)


def _configure(parameters, chain, strict, partial_chain):
    flags = (_STRICT if strict else 0) | (_PARTIAL if partial_chain else 0) | (_CRL_CHECK | _CRL_CHECK_ALL if chain.lists else 0)
    _lib.X509_VERIFY_PARAM_set_flags(parameters, flags)
    _lib.X509_VERIFY_PARAM_set_purpose(parameters, _PURPOSE[chain.role])
    _lib.X509_VERIFY_PARAM_set_auth_level(parameters, _LEVEL)
    if chain.target:
        try:
            ipaddress.ip_address(chain.target)
            _lib.X509_VERIFY_PARAM_set1_ip_asc(parameters, chain.target.encode())
        except ValueError:
            _lib.X509_VERIFY_PARAM_set1_host(parameters, chain.target.encode(), 0)
