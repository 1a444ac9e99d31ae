package grade

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// eachInDir calls add for everything in a directory. It does not follow links.
func eachInDir(dir string, add func(entry) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if d.Name() == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		e := entry{name: name, open: func() (io.ReadCloser, error) { return root.Open(filepath.FromSlash(name)) }}
		switch {
		case d.IsDir():
			e.kind = dirEntry
		case !d.Type().IsRegular():
			e.kind = otherEntry
		default:
			info, err := d.Info()
			if err != nil {
				return err
			}
			e.size = info.Size()
		}
		return add(e)
	})
}

func eachInZip(name string, add func(entry) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(file, info.Size())
	if err == zip.ErrInsecurePath {
		err = nil // add says which
	}
	if err != nil {
		return rejectf("is not a valid zip archive")
	}
	var total uint64
	for _, f := range archive.File {
		if f.UncompressedSize64 > maxSubmissionBytes {
			return rejectf("is larger than %d MB when unpacked", maxSubmissionBytes>>20)
		}
		total += f.UncompressedSize64
		if err := checkRatio(int64(total), info.Size()); err != nil {
			return err
		}
		e := entry{name: f.Name, size: int64(f.UncompressedSize64), open: f.Open}
		switch mode := f.Mode(); {
		case mode.IsDir():
			e.kind = dirEntry
		case !mode.IsRegular():
			e.kind = otherEntry
		}
		if err := add(e); err != nil {
			return err
		}
	}
	return nil
}

// checkRatio rejects archives that are made to explode.
func checkRatio(unpacked, packed int64) error {
	if unpacked > 1<<20 && unpacked > maxRatio*packed {
		return rejectf("unpacks to more than %d times its size", maxRatio)
	}
	return nil
}

func eachInTar(name string, add func(entry) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return eachInTarStream(file, add)
}

func eachInTarGz(name string, add func(entry) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	packed := &countingReader{r: file}
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return rejectf("is not a valid gzip archive")
	}
	return eachInTarStream(&ratioReader{unpacked: unpacked, packed: packed}, add)
}

func eachInTarStream(r io.Reader, add func(entry) error) error {
	// Headers and padding come on top of the files' own bytes.
	archive := tar.NewReader(&boundedReader{r: r, left: maxSubmissionBytes + maxSubmissionFiles*4<<10})
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err == tar.ErrInsecurePath {
			err = nil // add says which
		}
		if _, ok := err.(*Rejection); ok {
			return err
		}
		if err != nil {
			return rejectf("is not a valid tar archive")
		}
		e := entry{name: h.Name, size: h.Size, open: func() (io.ReadCloser, error) { return io.NopCloser(archive), nil }}
		switch h.Typeflag {
		case tar.TypeReg:
		case tar.TypeDir:
			e.kind = dirEntry
		case tar.TypeXGlobalHeader:
			continue // what git archive puts in front
		default:
			e.kind = otherEntry
		}
		if err := add(e); err != nil {
			return err
		}
	}
}

// countingReader counts what was read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// ratioReader fails once what it unpacks is out of proportion.
type ratioReader struct {
	unpacked io.Reader
	packed   *countingReader
	n        int64
}

func (r *ratioReader) Read(p []byte) (int, error) {
	n, err := r.unpacked.Read(p)
	r.n += int64(n)
	if ratio := checkRatio(r.n, r.packed.n); ratio != nil {
		return n, ratio
	}
	return n, err
}

// boundedReader fails, rather than ends, at its bound.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, rejectf("is larger than %d MB when unpacked", maxSubmissionBytes>>20)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}
