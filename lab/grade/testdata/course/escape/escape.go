// Package escape tries to leave its sandbox.
package escape

import (
	"net"
	"os"
)

// Nothing is what a student writes here.
//
//lab:implement 8
func Nothing() {}

// WriteOutside writes next to the directory that is the process's own.
func WriteOutside() error { return os.WriteFile("../../escaped", []byte("x"), 0o644) }

// WriteInside writes to the working directory.
func WriteInside() error { return os.WriteFile("inside", []byte("x"), 0o644) }

// ReadOutside lists the root directory.
func ReadOutside() error {
	_, err := os.ReadDir("/")
	return err
}

// Listen opens a TCP port.
func Listen() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return l.Close()
}

// WriteMuch writes more than a solution needs.
func WriteMuch() error {
	f, err := os.Create("much")
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for range 80 {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return nil
}
