package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// processorTime returns how much processor time the processes have used since they
// began, as Linux has it in /proc, or 0 elsewhere.
func processorTime(ids []int) time.Duration {
	// The fields of a line, after the name in parentheses; and how many of the
	// units of time go into a second.
	const user, system, perSecond = 11, 12, 100
	var ticks uint64
	for _, id := range ids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
		if err != nil {
			return 0
		}
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) <= system {
			return 0
		}
		for _, field := range []int{user, system} {
			n, err := strconv.ParseUint(string(fields[field]), 10, 64)
			if err != nil {
				return 0
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / perSecond
}
