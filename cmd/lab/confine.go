package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/labkv/labkv/lab/grade"
)

// confines says on standard error what is missing to confine submissions, and what to
// do, if anything is missing.
func confines(box grade.Sandbox) error {
	var cannot *grade.CannotConfine
	if err := box.Check(); !errors.As(err, &cannot) {
		return err
	}
	fmt.Fprintln(os.Stderr, "lab: cannot confine submissions here, so none was run:")
	for _, missing := range cannot.Missing {
		fmt.Fprintln(os.Stderr, "  "+missing)
	}
	fmt.Fprintln(os.Stderr, "Grade as an ordinary user of Linux 5.13 or later, or in a virtual machine that may be lost;\n"+
		"--unconfined grades here with what can be enforced ("+box.Enforced()+").")
	return exit{exitOpen}
}
