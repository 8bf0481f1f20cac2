"""The file itself: what it needs, and that it can be copied and read."""

import ast
import os
import subprocess
import sys
import tempfile
import unittest

import fake

SOURCE = (fake.CLIENT / "superv.py").read_text()


class File(unittest.TestCase):
    def test_python_3_9_can_read_it(self):
        for path in [fake.CLIENT / "superv.py", *fake.CLIENT.parent.parent.glob("examples/pipeline/*.py")]:
            ast.parse(path.read_text(), feature_version=(3, 9))

    @unittest.skipUnless(hasattr(sys, "stdlib_module_names"), "Python 3.10 knows which modules are its own")
    def test_it_needs_nothing_but_python(self):
        for node in ast.walk(ast.parse(SOURCE)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            self.assertLessEqual({name.split(".")[0] for name in names}, sys.stdlib_module_names)

    def test_lines_fit(self):
        self.assertEqual([line for line in SOURCE.splitlines() if len(line) > 120], [])

    def test_a_copy_runs_and_ends_by_itself(self):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "script.py")
            with open(os.path.join(folder, "superv.py"), "w") as copy:
                copy.write(SOURCE)
            with open(script, "w") as file:
                file.write("import superv\nagent = superv.start()\nwhile agent.running():\n    print('works')\n    break\n")
            environment = {"SUPERV_SOCKET": os.path.join(folder, "nobody"), "PATH": os.environ["PATH"]}
            ran = subprocess.run(
                [sys.executable, "-W", "error", "-X", "dev", script], env=environment, capture_output=True, timeout=10)
            self.assertEqual((ran.stdout, ran.stderr), (b"works\n", b""))
