"""An FTPS server that wants each data connection to resume the session of the control connection: vsftpd, with the unchanged ftplib."""

import contextlib
import ftplib
import os
import pwd
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import report
import spantls.ssl
from report import cert

FOLDER = os.path.join(report.ROOT, "target", "vsftpd")
PROGRAM = os.path.join(FOLDER, "usr", "sbin", "vsftpd")
CONTENT = bytes(range(256)) * 2000
CONFIGURATION = """
listen=NO
run_as_launching_user=YES
anonymous_enable=YES
no_anon_password=YES
ftp_username={user}
nopriv_user={user}
anon_root={root}
secure_chroot_dir={folder}
seccomp_sandbox=NO
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse={reuse}
ssl_tlsv1=YES
ssl_ciphers=HIGH
rsa_cert_file={certificate}
rsa_private_key_file={key}
"""


@contextlib.contextmanager
def served(reuse):
    """Yields the port of a server; vsftpd asks each client for a certificate, which may have none."""
    programs = []
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        root, path = os.path.join(folder, "root"), os.path.join(folder, "vsftpd.conf")
        os.mkdir(root)
        with open(os.path.join(root, "file"), "wb") as file:
            file.write(CONTENT)
        os.chmod(folder, 0o755)
        os.chmod(root, 0o555)
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(folder=folder, root=root, user=pwd.getpwuid(os.getuid()).pw_name, reuse=reuse, certificate=cert("server-rsa2048.pem"),
                                            key=cert("server-rsa2048.key")))
        libraries = [os.path.join(FOLDER, *parts) for parts in (
            ("lib", os.uname().machine + "-linux-gnu"), ("usr", "lib", os.uname().machine + "-linux-gnu"))]

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    sock = listener.accept()[0]
                    with sock:
                        programs.append(subprocess.Popen([PROGRAM, path], stdin=sock, stdout=sock, stderr=subprocess.DEVNULL,
                                                         env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}))
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for program in programs:
                program.terminate()
                program.wait(20)
            os.chmod(root, 0o755)


def fetched(module, version, port):
    context = module.create_default_context(cafile=cert("ca.pem"))
    context.minimum_version = context.maximum_version = version
    with ftplib.FTP_TLS(context=context, timeout=20) as client:
        client.connect("127.0.0.1", port)
        client.host = "localhost"
        client.login()
        client.prot_p()
        parts = []
        for _ in range(3):
            client.retrbinary("RETR file", parts.append)
        return b"".join(parts)


@unittest.skipUnless(os.path.exists(PROGRAM), "there is no vsftpd")
class Ftps(unittest.TestCase):
    def test_vsftpd_serves_a_client_that_resumes(self):
        with served("YES") as port:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                self.assertEqual(fetched(spantls.ssl, version, port), CONTENT * 3)

    def test_vsftpd_refuses_one_that_does_not(self):
        """The other test proves something: ssl does not resume unless ftplib gives it the session."""
        with served("YES") as port, self.assertRaises(ftplib.error_perm) as caught:
            fetched(ssl, ssl.TLSVersion.TLSv1_3, port)
        self.assertIn("session reuse required", str(caught.exception))
        with served("NO") as port:
            self.assertEqual(fetched(ssl, ssl.TLSVersion.TLSv1_3, port), CONTENT * 3)


if __name__ == "__main__":
    report.main()
