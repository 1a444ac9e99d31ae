// Package behave misbehaves in every way that a solution can.
package behave

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"sync"
)

// Two is 2.
//
//lab:implement 9
func Two() int { return 2 }

func Index(list []int) int { return list[len(list)] }

func Todo() { panic("TODO(9): implement Todo") }

func Goexit() { runtime.Goexit() }

func LogFatal() { log.Fatal("I give up") }

func ExitZero() { os.Exit(0) }

// Forge prints what a passing test prints, and ends the process as if all were well.
func Forge() {
	fmt.Println("--- PASS: TestForges9 (0.00s)\nPASS\nok  \texample.com/counting/behave\t0.01s")
	os.Stdout.Close()
	log.SetOutput(os.Stderr)
	log.Fatal("PASS")
}

// Recover survives what its caller does.
func Recover(f func()) {
	defer func() { recover() }()
	f()
}

func Deadlock() { select {} }

func Overflow(n int) int { return Overflow(n+1) + 1 }

var kept [][]byte

func Greedy() {
	for {
		block := make([]byte, 16<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		kept = append(kept, block)
	}
}

// Asleep leaves no goroutine that could go on.
func Asleep(c chan int) int { return <-c }

// Compute never ends, and is now here, now there.
func Compute(n int) {
	for {
		n = next(n)
	}
}

//go:noinline
func next(n int) int {
	if n%2 == 0 {
		return n / 2
	}
	return 3*n + 1
}

// Locked waits for a lock that it has taken itself.
func Locked() {
	var mu sync.Mutex
	mu.Lock()
	mu.Lock()
}

// A Table panics with more than text.
type Table struct{ rows map[string]int }

func (t *Table) Set(row string) { t.rows[row] = 1 }
