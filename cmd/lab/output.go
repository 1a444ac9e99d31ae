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
	// platform is what Gradescope and a policy say, nil if nothing is known.
	platform *grade.Platform
}

// A fileFormat is a form in which results are written to a file.
type fileFormat struct {
	name   string
	ending string // of the file's name
	write  func(results) func(io.Writer) error
	file   string // its whole name, where the reader asks for one
	one    bool   // about one submission
}

// resultsFile is the name that Gradescope asks for.
const resultsFile = "results.json"

var fileFormats = []fileFormat{
	{name: "json", ending: ".json", write: func(r results) func(io.Writer) error { return r.WriteJSON }},
	{name: "junit", ending: ".xml", write: func(r results) func(io.Writer) error { return r.WriteJUnit }},
	{name: "csv", ending: ".csv", write: func(r results) func(io.Writer) error { return r.WriteCSV }},
	{name: "html", ending: ".html", write: func(r results) func(io.Writer) error { return r.WriteHTML }},
	{name: "gradescope", file: resultsFile, one: true},
	{name: "github", ending: ".github.txt", one: true, write: func(r results) func(io.Writer) error { return r.WriteGitHub }},
	{name: "markdown", ending: ".md", write: func(r results) func(io.Writer) error { return r.WriteMarkdown }},
}

// formats are the names of all formats.
func formats() []string {
	names := []string{"table"}
	for _, f := range fileFormats {
		names = append(names, f.name)
	}
	return names
}

func (o *output) flags(cmd *cobra.Command) {
	names := formats()
	cmd.Flags().StringSliceVar(&o.formats, "format", []string{"table"}, "any of "+strings.Join(names, ", ")+"; table goes to standard output, others to files")
	completeFlag(cmd, "format", listCompletion(func(string) []cobra.Completion { return names }))
	cmd.Flags().StringVar(&o.dir, "out", "out", "`DIR` for files")
}

func (o *output) check() error {
	for _, format := range o.formats {
		if names := formats(); !slices.Contains(names, format) {
			return usageError{fmt.Errorf("unknown format %q: there is %s%s", format, strings.Join(names, ", "), course.DidYouMean(format, names))}
		}
	}
	return nil
}

// checkOne is check for so many submissions.
func (o *output) checkOne(submissions int) error {
	for _, f := range fileFormats {
		if f.one && submissions != 1 && slices.Contains(o.formats, f.name) {
			return usageError{fmt.Errorf("--format %s is about one submission, and there are %d", f.name, submissions)}
		}
	}
	return o.check()
}

// results can be written in every format.
type results interface {
	WriteTable(w io.Writer, o grade.TableOptions) error
	WriteJSON(w io.Writer) error
	WriteJUnit(w io.Writer) error
	WriteCSV(w io.Writer) error
	WriteHTML(w io.Writer) error
	WriteGradescope(w io.Writer, p *grade.Platform) error
	WriteGitHub(w io.Writer) error
	WriteMarkdown(w io.Writer) error
}

// write writes r to standard output and to files called name with the endings
// of their formats.
func (o *output) write(r results, name string, table grade.TableOptions) error {
	if slices.Contains(o.formats, "table") {
		if err := r.WriteTable(os.Stdout, table); err != nil {
			return err
		}
	}
	for _, f := range fileFormats {
		if !slices.Contains(o.formats, f.name) {
			continue
		}
		var err error
		if f.name == "gradescope" {
			err = o.file(f.file, func(w io.Writer) error { return r.WriteGradescope(w, o.platform) })
		} else {
			err = o.file(name+f.ending, f.write(r))
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
