// Command bundle makes each page of the course one HTML file. It takes
// src/NAME/page.html and puts in it what src/NAME/page.css and src/NAME/main.ts
// come to, with all that they import.
//
// With -check it writes nothing, and fails if a committed page is not what its
// sources come to.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// pages maps each folder of src to the committed page, from the folder of this module.
var pages = map[string]string{
	"view":   "../view/page.html",
	"status": "../../scheduler/status/page.html",
	"play":   "../play/page.html",
}

func main() {
	check := flag.Bool("check", false, "write nothing; fail if a page is not what its sources come to")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	for name, target := range pages {
		page, err := bundle(filepath.Join("src", name))
		if err != nil {
			return fmt.Errorf("page %s: %w", name, err)
		}
		if !check {
			if err := os.WriteFile(target, page, 0o644); err != nil {
				return err
			}
			continue
		}
		committed, err := os.ReadFile(target)
		if err != nil {
			return err
		}
		if !bytes.Equal(committed, page) {
			return fmt.Errorf("%s is not what lab/web/src/%s comes to: run make pages", target, name)
		}
	}
	return nil
}

// bundle returns the page with its sources in dir.
func bundle(dir string) ([]byte, error) {
	page, err := os.ReadFile(filepath.Join(dir, "page.html"))
	if err != nil {
		return nil, err
	}
	for _, part := range []struct{ mark, file, before, after string }{
		{"<!-- styles -->", "page.css", "<style>", "</style>"},
		{"<!-- code -->", "main.ts", "<script>", "</script>"},
	} {
		code, err := build(filepath.Join(dir, part.file))
		if err != nil {
			return nil, err
		}
		if strings.Contains(strings.ToLower(code), part.after) {
			return nil, fmt.Errorf("%s comes to text with %s in it, which would end it in the page", part.file, part.after)
		}
		whole := part.before + strings.TrimSpace(code) + part.after
		if n := bytes.Count(page, []byte(part.mark)); n != 1 {
			return nil, fmt.Errorf("page.html has %q %d times, not once", part.mark, n)
		}
		page = bytes.Replace(page, []byte(part.mark), []byte(whole), 1)
	}
	return page, nil
}

// build returns what file comes to, with all that it imports.
func build(file string) (string, error) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{file},
		Bundle:            true,
		Format:            api.FormatIIFE,
		Target:            api.ES2022,
		MinifyWhitespace:  true,
		MinifySyntax:      true,
		MinifyIdentifiers: true,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsInline,
		TsconfigRaw:       `{"compilerOptions":{"strict":true}}`,
	})
	if len(result.Errors) > 0 {
		return "", fmt.Errorf("%s", strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage}), "\n"))
	}
	return string(result.OutputFiles[0].Contents), nil
}
