package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// output says in which formats results are written, and where to.
type output struct {
	formats []string
	dir     string
}

var formats = []string{"table", "json", "junit", "markdown"}

func (o *output) flags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&o.formats, "format", []string{"table"}, "any of table, json, junit, markdown; table goes to standard output, others to files")
	completeFlag(cmd, "format", listCompletion(func(string) []cobra.Completion { return formats }))
	cmd.Flags().StringVar(&o.dir, "out", "out", "`DIR` for files")
}

func (o *output) check() error {
	for _, format := range o.formats {
		if !slices.Contains(formats, format) {
			return usageError{fmt.Errorf("unknown format %q: there is %s%s", format, strings.Join(formats, ", "), course.DidYouMean(format, formats))}
		}
	}
	return nil
}

// results can be written in every format.
type results interface {
	WriteTable(w io.Writer, o grade.TableOptions) error
	WriteJSON(w io.Writer) error
	WriteJUnit(w io.Writer) error
	WriteMarkdown(w io.Writer) error
}

// write writes r to standard output and to files called name with the endings
// of their formats.
func (o *output) write(r results, name string, table grade.TableOptions) error {
	for _, format := range o.formats {
		var err error
		switch format {
		case "table":
			err = r.WriteTable(os.Stdout, table)
		case "json":
			err = o.file(name+".json", r.WriteJSON)
		case "junit":
			err = o.file(name+".xml", r.WriteJUnit)
		case "markdown":
			err = o.file(name+".md", r.WriteMarkdown)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file writes one file below the directory.
func (o *output) file(name string, write func(io.Writer) error) error {
	return writeFile(filepath.Join(o.dir, name), write)
}

// writeFile writes a file, whose directory is made if need be.
func writeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}
