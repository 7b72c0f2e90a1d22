"""The generator of the bindings: what it writes agrees with a C compiler, and what it does not understand is refused."""

import contextlib
import ctypes
import importlib.util
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest

import generate
from generator.header import Header

HEADER = os.path.join(generate.ROOT, "include", "spantls.h")


def python_module():
    """The package's low-level module, which needs no library."""
    spec = importlib.util.spec_from_file_location("native", os.path.join(generate.ROOT, "bindings/python/spantls/_native.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Generated(unittest.TestCase):
    def setUp(self):
        with open(HEADER, encoding="utf-8") as file:
            self.text = file.read()
        self.header = Header(self.text)
        self.native = python_module()

    def asked(self, expressions):
        """What a C compiler says of expressions."""
        lines = "".join(f'printf("%lld\\n", (long long)({expression}));' for expression in expressions)
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "program")
            subprocess.run([os.environ.get("CC", "cc"), "-x", "c", "-", "-o", program], check=True, text=True,
                           input=f'#include "{HEADER}"\n#include <stdio.h>\nint main(void) {{ {lines} return 0; }}')
            return [int(line) for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()]

    def test_structs_are_laid_out_as_in_c(self):
        expressions, sizes = [], []
        for struct in self.header.structs:
            ours = getattr(self.native, struct.name)
            expressions.append(f"sizeof({struct.name})")
            sizes.append(ctypes.sizeof(ours))
            for name, _ in ours._fields_:
                expressions += [f"offsetof({struct.name}, {name})", f"sizeof((({struct.name} *)0)->{name})"]
                sizes += [getattr(ours, name).offset, getattr(ours, name).size]
        self.assertGreater(len(sizes), 80)
        self.assertEqual(dict(zip(expressions, self.asked(expressions))), dict(zip(expressions, sizes)))

    def test_numbers_are_those_of_c(self):
        ours = {constant.name: getattr(self.native, constant.name.replace("SPANTLS_", "", 1))
                for constant in self.header.constants if isinstance(constant.value, int)}
        for kind in vars(self.native).values():
            if hasattr(kind, "__members__"):
                ours.update({member.c_name: member.value for member in kind if hasattr(member, "c_name")})
        self.assertGreater(len(ours), 60)
        self.assertEqual(dict(zip(ours, self.asked(ours))), ours)

    def test_every_declaration_of_the_header_is_read(self):
        plain = re.sub(r"/\*.*?\*/", "", self.text, flags=re.S)
        self.assertEqual(set(re.findall(r"\b((?:tls|spantls)_\w+)\(", plain)), set(self.native.FUNCTIONS))
        self.assertEqual(set(re.findall(r"^\s+((?:TLS|SPANTLS)_\w+) = ", plain, flags=re.M)),
                         {member.name for kind in self.header.enumerations for member in kind.members})
        self.assertEqual(len(re.findall(r"typedef struct \{", plain)), len(self.header.structs))

    def test_versions_agree(self):
        with open(os.path.join(generate.ROOT, "bindings/dotnet/SpanTls/SpanTls.csproj"), encoding="utf-8") as file:
            self.assertIn(f"<Version>{self.native.VERSION}</Version>", file.read())

    def test_functions_have_as_many_arguments_as_in_c(self):
        declared = dict(re.findall(r"\b((?:tls|spantls)_\w+)\(([^)]*)\);", re.sub(r"/\*.*?\*/", "", self.text, flags=re.S)))
        for name, (_, arguments) in self.native.FUNCTIONS.items():
            listed = declared[name].strip()
            self.assertEqual(0 if listed == "void" else listed.count(",") + 1, len(arguments), name)


class Refusals(unittest.TestCase):
    def test_what_is_not_understood_is_refused(self):
        for text in ("typedef union { int a; } u;", "typedef int32_t (*callback)(void);", "extern int32_t variable;",
                     "#define SPANTLS_MACRO(x) (x)", "#define SPANTLS_MACRO(x) 3", "#define SPANTLS_NAME other", "typedef enum { A, } a;", "int32_t unfinished(void)"):
            with self.subTest(text), self.assertRaises(SyntaxError):
                Header(text)

    def test_a_header_with_conflict_markers_is_refused(self):
        with self.assertRaisesRegex(SyntaxError, "make header"):
            Header("<<<<<<< ours\nint32_t one(void);\n=======\nint32_t two(void);\n>>>>>>> theirs\n")


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(setattr, generate, "ROOT", generate.ROOT)
        for path in ("include", "bindings/python", "bindings/dotnet"):
            os.makedirs(os.path.join(folder.name, path))
        os.symlink(HEADER, os.path.join(folder.name, "include", "spantls.h"))
        for path in ("bindings/python/spantls", "bindings/dotnet/SpanTls"):
            subprocess.run(["cp", "-r", os.path.join(generate.ROOT, path), os.path.join(folder.name, path)], check=True)
        generate.ROOT = folder.name

    def assert_stale(self, path):
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(1, generate.main(["--check"]))
        self.assertIn(f"{path} is stale", said.getvalue())

    def test_a_stale_file_is_noticed_and_one_with_conflict_markers_is_written_again(self):
        for path, text in generate.made().items():
            place = os.path.join(generate.ROOT, path)
            with open(place, "w", encoding="utf-8") as file:
                file.write(f"<<<<<<< ours\n{text}=======\n>>>>>>> theirs\n")
            self.assert_stale(path)
            self.assertEqual(0, generate.main([]))
            self.assertEqual(0, generate.main(["--check"]))
            os.unlink(place)
            self.assert_stale(path)
            self.assertEqual(0, generate.main([]))
            with open(place, encoding="utf-8") as file:
                self.assertEqual(text, file.read())


if __name__ == "__main__":
    done = unittest.main(exit=False).result
    failed = len(done.failures) + len(done.errors)
    print(f"{done.testsRun - failed} passed, {failed} failed")
    sys.exit(bool(failed))
