//go:build cgo

package badger

import "fmt"

// An OpenError says which directory could not be opened, and why. It wraps an
// error of package engine, a *CorruptError, or an error of the operating
// system.
type OpenError struct {
	Dir string
	Err error
}

func (e *OpenError) Error() string { return fmt.Sprintf("cannot open engine in %s: %v", e.Dir, e.Err) }

func (e *OpenError) Unwrap() error { return e.Err }

// A CorruptError reports a file whose content no engine wrote, not even one
// that crashed.
type CorruptError struct {
	File    string // without the directory
	Problem string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("file %s is damaged: it %s; restore the directory from a backup or start with an empty one", e.File, e.Problem)
}

// corrupt returns a *CorruptError whose problem is formatted.
func corrupt(file, format string, args ...any) error {
	return &CorruptError{File: file, Problem: fmt.Sprintf(format, args...)}
}
