"""The guard of the ABI is itself tested: small libraries that lose, change, gain and move things, and the real one against a
baseline with a function more. `test_abi.py LIBRARY`, which `make abi-lib` builds."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", ".."))

import abi  # noqa: E402
import sentences  # noqa: E402

LIBRARY = ""

# A library in small, with what the guard looks at: functions, structs that may grow and that may not, constants.
SMALL = """
#include <stddef.h>
#define SPANTLS_ROOM 64
typedef enum { TLS_STATUS_COMPLETE = 0, TLS_STATUS_WANT_READ = 1 } tls_status_values;
struct spantls_error_t { size_t struct_size; int status; };
struct spantls_span_t { const unsigned char *data; size_t len; };
int tls_session_socket_read(struct spantls_error_t *error, struct spantls_span_t *span, int count);
int tls_session_socket_shutdown(void);
"""
BODIES = """
int tls_session_socket_read(struct spantls_error_t *error, struct spantls_span_t *span, int count) { return error && span ? count : 0; }
int tls_session_socket_shutdown(void) { return 0; }
"""


class Guard(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spantls-abi-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.baseline = os.path.join(self.folder, "baseline")
        os.mkdir(self.baseline)
        self.assertEqual(self.call(abi.bless, *self.build("first"))[0], 0)

    def build(self, name, *changes, soname="libspantls.so.1"):
        """The small library with texts replaced: the library, and its header."""
        header, source = SMALL, BODIES
        for before, after in changes:
            self.assertIn(before, header + source)
            header, source = header.replace(before, after), source.replace(before, after)
        paths = [os.path.join(self.folder, name + end) for end in (".so", ".h", ".c")]
        for path, text in zip(paths[1:], (header, f'#include "{name}.h"\n{source}')):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        subprocess.run(["gcc", "-g", "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-o", paths[0], paths[2]], check=True)
        return paths[:2]

    def call(self, function, library, header, **options):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = function(library, header, self.baseline, **options)
        return status, output.getvalue()

    def refused(self, because, *changes, **options):
        """Neither checked nor blessed, and the baseline is as it was."""
        changed = self.build("changed", *changes, **options)
        before = {name: abi.lines_of(os.path.join(self.baseline, name)) for name in os.listdir(self.baseline)}
        for function in (abi.check, abi.bless):
            status, output = self.call(function, *changed)
            self.assertEqual(status, 1, output)
            self.assertRegex(output, because)
        self.assertEqual(before, {name: abi.lines_of(os.path.join(self.baseline, name)) for name in before})
        return changed

    def blessed(self, because, *changes):
        """An addition: the check fails until it is blessed."""
        changed = self.build("changed", *changes)
        status, output = self.call(abi.check, *changed)
        self.assertEqual(status, 1, output)
        self.assertRegex(output, because)
        self.assertEqual(self.call(abi.bless, *changed)[0], 0)
        self.assertEqual(self.call(abi.check, *changed)[0], 0)

    def test_the_same_library_passes(self):
        self.assertEqual(self.call(abi.check, *self.build("again"))[0], 0)

    def test_a_function_that_is_gone_is_caught(self):
        self.refused("lost or changed: symbols.txt: tls_session_socket_shutdown is gone",
                     ("int tls_session_socket_shutdown(void);", ""), ("int tls_session_socket_shutdown(void) { return 0; }", ""))

    def test_a_parameter_of_another_type_is_caught(self):
        self.refused("parameter 3 of type 'int' changed", ("int count", "long count"))

    def test_another_type_of_result_is_caught(self):
        self.refused("return type changed", ("int tls_session_socket_shutdown", "long tls_session_socket_shutdown"))

    def test_a_struct_without_a_size_must_not_grow(self):
        self.refused("data member insertion", ("size_t len; }", "size_t len; int more; }"))

    def test_a_field_in_the_middle_is_caught(self):
        self.refused("data member insertion", ("size_t struct_size; int", "size_t struct_size; long more; int"))

    def test_a_field_of_another_type_is_caught(self):
        self.refused("a field of spantls_error_t is not what it was", ("int status", "unsigned long status"))

    def test_a_field_of_another_name_or_place_is_caught(self):
        self.refused("spantls_error_t is not what it was", ("int status;", "int state;"))
        self.refused("spantls_error_t is not what it was", ("size_t struct_size; int status", "size_t struct_size; int more; int status"))

    def test_a_constant_with_another_value_is_caught(self):
        self.refused("SPANTLS_ROOM 64 has another value", ("ROOM 64", "ROOM 65"))
        self.refused("TLS_STATUS_WANT_READ 1 has another value", ("WANT_READ = 1", "WANT_READ = 2"))

    def test_a_constant_that_is_gone_is_caught(self):
        self.refused("TLS_STATUS_WANT_READ 1 is gone", (", TLS_STATUS_WANT_READ = 1", ""))

    def test_another_SONAME_is_caught(self):
        self.refused("SONAME libspantls.so.1 is gone", soname="libspantls.so.2")

    def test_a_new_function_is_blessed(self):
        self.blessed("Only additions", ("int tls_session_socket_shutdown(void)", "int tls_session_more(void); int tls_session_socket_shutdown(void)"),
                     ("{ return 0; }", "{ return 0; }\nint tls_session_more(void) { return 1; }"))

    def test_a_new_constant_is_blessed(self):
        self.blessed("added: constants.txt: TLS_STATUS_MORE 2", ("WANT_READ = 1", "WANT_READ = 1, TLS_STATUS_MORE = 2"))

    def test_a_struct_that_tells_its_size_may_grow_at_its_end(self):
        self.blessed("Only additions", ("int status; }", "int status; long more; }"))

    def test_a_new_ABI_is_blessed_when_it_is_asked_for(self):
        changed = self.refused("is gone", soname="libspantls.so.2")
        self.assertEqual(self.call(abi.bless, *changed, breaking=True)[0], 0)
        self.assertEqual(self.call(abi.check, *changed)[0], 0)

    def test_a_library_without_descriptions_is_refused(self):
        library, header = self.build("first")
        subprocess.run(["strip", "--strip-debug", library], check=True)
        with self.assertRaisesRegex(abi.Refused, "no descriptions"):
            abi.compare(library, header, self.baseline)


# A library in Rust: its one type lies in a module.
MODULES = """
#![allow(non_camel_case_types)]
pub mod first {
    #[repr(C)]
    pub struct spantls_error_t { pub struct_size: usize, pub status: i32, pub span: super::second::spantls_span_t }
}
pub mod second {
    #[repr(C)]
    pub struct spantls_span_t { pub data: *const u8, pub len: usize }
    #[unsafe(no_mangle)]
    pub extern "C" fn tls_session_error(error: *const super::first::spantls_error_t) -> i32 { error.is_null().into() }
}
"""


class Modules(unittest.TestCase):
    def test_a_type_that_moved_to_another_module_is_no_change(self):
        with tempfile.TemporaryDirectory() as folder:
            descriptions = []
            for name, text in (("here", MODULES), ("there", MODULES.replace("first", "third")), ("other", MODULES.replace("i32, pub", "u32, pub"))):
                source, library, described = (os.path.join(folder, name + end) for end in (".rs", ".so", ".abi"))
                with open(source, "w", encoding="utf-8") as file:
                    file.write(text)
                subprocess.run(["rustc", "--edition=2024", "--crate-type=cdylib", "-g", "-Cpanic=abort", "-o", library, source], check=True)
                abi.describe(library, described)
                descriptions.append(described)
            here, there, other = descriptions
            self.assertEqual(abi.abidiff(here, there), "")
            self.assertEqual(abi.shifted(abi.growing(here), abi.growing(there)), [])
            self.assertEqual(abi.shifted(abi.growing(here), abi.growing(other)), ["spantls.abi: a field of spantls_error_t is not what it was"])


class Real(unittest.TestCase):
    def test_the_real_library_without_a_function_of_the_baseline_is_caught(self):
        with tempfile.TemporaryDirectory() as baseline:
            for name in ("symbols.txt", "constants.txt", "spantls.abi"):
                with open(os.path.join(HERE, name), encoding="utf-8") as file:
                    text = file.read()
                if name == "spantls.abi":
                    # One declaration stands for two functions: the second is the one that is gone.
                    start = text.index('<function-decl name="tls_session_socket_shutdown"')
                    end = text.index("</function-decl>", start) + len("</function-decl>")
                    twin = text[start:end].replace("tls_session_socket_shutdown", "tls_session_gone")
                    symbol = next(line for line in text.splitlines() if '<elf-symbol name="tls_session_socket_shutdown"' in line)
                    text = text[:end] + twin + text[end:]
                    text = text.replace(symbol, symbol + "\n" + symbol.replace("tls_session_socket_shutdown", "tls_session_gone"))
                with open(os.path.join(baseline, name), "w", encoding="utf-8") as file:
                    file.write(text)
            lost, _, _ = abi.compare(LIBRARY, abi.HEADER, baseline)
            self.assertRegex("\n".join(lost), r"1 Removed function:\s+.*tls_session_gone")


if __name__ == "__main__":
    LIBRARY = os.path.abspath(sys.argv.pop())
    abi.install_tools()
    sentences.main()
