package main

import (
	"bufio"
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/proto/schedulerpb"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
)

const shellHelp = `begin            begin a transaction; it reads what was committed before
get KEY          print a value
put KEY VALUE    set a key, for this transaction alone until it commits
delete KEY       remove a key, likewise
lock KEY         make commit fail if another transaction changes a key that is only read
scan [FROM [TO]] print the pairs from FROM on, below TO
commit           make all writes visible at once, or none
rollback         drop all writes
list             show the transactions that are open
help, quit

A name and a colon before a command choose one of several transactions:
    a: begin
    b: begin
    a: put x 1
A word with spaces is quoted as in Go: "two words". What follows a # is ignored.`

// scanLimit is how many pairs a scan of the shell prints.
const scanLimit = 100

func newTxnCommand() *cobra.Command {
	t := &target{}
	cmd := &cobra.Command{
		Use:   "txn",
		Short: "Begin, read, write and commit transactions, several side by side",
		Long: `Reads commands from the standard input, one a line, and carries them out. The exit code is
1 if one of them failed, and commands did not come from a terminal.

` + shellHelp,
		Args: between(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.timeout <= 0 {
				return &usageError{errors.Errorf("--timeout %s is not positive", t.timeout)}
			}
			conn, err := schedulerclient.Dial(t.scheduler)
			if err != nil {
				return &usageError{errors.Annotate(err, "--scheduler")}
			}
			defer conn.Close()
			c, err := client.NewTransactional(client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)})
			if err != nil {
				return err
			}
			defer c.Close()
			s := &shell{target: t, client: c, out: cmd.OutOrStdout(), open: map[string]*client.Txn{}}
			return s.run(cmd.Context(), cmd.InOrStdin())
		},
	}
	cmd.Flags().StringVar(&t.scheduler, "scheduler", "127.0.0.1:20150", "`host:port` of the scheduler")
	cmd.Flags().DurationVar(&t.timeout, "timeout", 10*time.Second, "how long each command may take")
	cmd.Flags().BoolVar(&t.hex, "hex", false, "keys and values are hexadecimal")
	return cmd
}

// A shell carries out commands on transactions that have names. "" is the name of the one
// that is used without a name.
type shell struct {
	*target
	client *client.Transactional
	out    io.Writer
	open   map[string]*client.Txn
	failed bool // a command was not carried out
}

// run carries out commands until their end.
func (s *shell) run(ctx context.Context, in io.Reader) error {
	prompt := ""
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		prompt = "> "
		fmt.Fprintln(s.out, "help lists the commands.")
	}
	lines, failed := readLines(ctx, in)
	for {
		fmt.Fprint(s.out, prompt)
		select {
		case <-ctx.Done():
			return errors.New("interrupted")
		case line, more := <-lines:
			if !more {
				return s.end(<-failed, prompt != "")
			}
			if quit := s.line(ctx, line); quit {
				return s.end(nil, prompt != "")
			}
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
		}
	}
}

// readLines reads lines on a goroutine, since a read cannot be interrupted. The error, nil
// at the end of the input, comes after the last line.
func readLines(ctx context.Context, in io.Reader) (<-chan string, <-chan error) {
	lines, failed := make(chan string), make(chan error, 1)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, 16<<20) // a value may be long
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
		failed <- scanner.Err()
	}()
	return lines, failed
}

// end drops the transactions that are still open.
func (s *shell) end(err error, terminal bool) error {
	for _, name := range slices.Sorted(maps.Keys(s.open)) {
		s.open[name].Rollback()
		s.say(name, "rolled back: the session has ended")
	}
	switch {
	case err != nil:
		return errors.Annotate(err, "reading commands")
	case s.failed && !terminal:
		return errors.New("a command was not carried out")
	}
	return nil
}

// say prints what a transaction has to say.
func (s *shell) say(name, format string, args ...any) {
	if name != "" {
		name += ": "
	}
	fmt.Fprintf(s.out, name+format+"\n", args...)
}

// line carries out one line, and reports whether it was the last.
func (s *shell) line(ctx context.Context, line string) (quit bool) {
	words, err := split(line)
	if err != nil {
		s.failed = true
		s.say("", "error: %v", err)
		return false
	}
	if len(words) == 0 {
		return false
	}
	name := ""
	if before, found := strings.CutSuffix(words[0], ":"); found {
		if name, words = before, words[1:]; name == "" || len(words) == 0 {
			s.failed = true
			s.say("", "error: write NAME: COMMAND, such as: a: begin")
			return false
		}
	}
	if words[0] == "quit" || words[0] == "exit" {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.command(ctx, name, words[0], words[1:]); err != nil {
		s.failed = true
		s.say(name, "error: %s", strings.ReplaceAll(s.inWords(err), "\n", " "))
	}
	return false
}

// commands says how many words follow each command: at least, and at most.
var commands = map[string][2]int{
	"begin": {0, 0}, "get": {1, 1}, "put": {2, 2}, "delete": {1, 1}, "lock": {1, 1}, "scan": {0, 2},
	"commit": {0, 0}, "rollback": {0, 0}, "list": {0, 0}, "help": {0, 0},
}

func (s *shell) command(ctx context.Context, name, command string, words []string) error {
	takes, known := commands[command]
	switch {
	case !known:
		return errors.Errorf("unknown command %q; help lists them", command)
	case len(words) < takes[0]:
		return errors.Errorf("%s: a word is missing; help says what it takes", command)
	case len(words) > takes[1]:
		return errors.Errorf("%s: unexpected %q; help says what it takes", command, words[takes[1]])
	}
	var args [][]byte
	for _, word := range words {
		b, err := s.parse("word", word)
		if err != nil {
			return err
		}
		args = append(args, b)
	}
	txn, open := s.open[name]
	switch command {
	case "help":
		_, err := fmt.Fprintln(s.out, shellHelp)
		return errors.Trace(err)
	case "list":
		for _, name := range slices.Sorted(maps.Keys(s.open)) {
			s.say(name, "began at %s", showTS(s.open[name].StartTS()))
		}
		return nil
	case "begin":
		if open {
			return errors.New("a transaction is under way here: commit or roll back, or take another name")
		}
		txn, err := s.client.Begin(ctx)
		if err != nil {
			return err
		}
		s.open[name] = txn
		s.say(name, "begins at %s", showTS(txn.StartTS()))
		return nil
	}
	if !open {
		return errors.New("there is no transaction: begin comes first")
	}
	return s.within(ctx, name, txn, command, args)
}

// within carries out a command of a transaction.
func (s *shell) within(ctx context.Context, name string, txn *client.Txn, command string, args [][]byte) error {
	switch command {
	case "get":
		value, found, err := txn.Get(ctx, args[0])
		switch {
		case err != nil:
			return err
		case found:
			s.say(name, "%s = %s", s.format(args[0]), s.format(value))
		default:
			s.say(name, "%s is not there", s.format(args[0]))
		}
	case "scan":
		return s.scan(ctx, name, txn, args)
	case "put":
		return txn.Put(args[0], args[1])
	case "delete":
		return txn.Delete(args[0])
	case "lock":
		return txn.Lock(args[0])
	case "rollback":
		txn.Rollback()
		delete(s.open, name)
		s.say(name, "rolled back: no store has heard of its writes")
	case "commit":
		delete(s.open, name)
		if err := txn.Commit(ctx); err != nil {
			return err
		}
		if txn.CommitTS() == 0 {
			s.say(name, "committed: there was nothing to write")
		} else {
			s.say(name, "committed at %s", showTS(txn.CommitTS()))
		}
	}
	return nil
}

func (s *shell) scan(ctx context.Context, name string, txn *client.Txn, args [][]byte) error {
	bounds := [2][]byte{}
	copy(bounds[:], args)
	n := 0
	for pair, err := range txn.Scan(ctx, bounds[0], bounds[1]) {
		switch {
		case err != nil:
			return err
		case n == scanLimit:
			s.say(name, "more pairs follow, from %s on", s.format(pair.Key))
			return nil
		}
		s.say(name, "%s = %s", s.format(pair.Key), s.format(pair.Value))
		n++
	}
	if n == 0 {
		s.say(name, "no pairs")
	}
	return nil
}

// inWords says what an error means for the transaction, and what to do.
func (t *target) inWords(err error) string {
	var (
		conflict *client.ConflictError
		aborted  *client.AbortedError
		locked   *client.LockedError
		unknown  *client.OutcomeUnknownError
		tooOld   *client.TooOldError
	)
	switch {
	case stderrors.As(err, &tooOld):
		return fmt.Sprintf("this transaction is too old: versions that it would have to see, from before %s, may have been removed; begin again", showTS(tooOld.SafePoint))
	case stderrors.As(err, &conflict):
		return fmt.Sprintf("conflict, nothing was written: another transaction has written key %s at %s, after this one began at %s; begin again, what this one has read may be outdated",
			t.format(conflict.Key), showTS(conflict.ConflictTS), showTS(conflict.StartTS))
	case stderrors.As(err, &aborted):
		return "nothing was written: another client has rolled this transaction back, because its locks were in the way and it took too long; begin again"
	case stderrors.As(err, &unknown):
		return fmt.Sprintf("it is not known whether the transaction is committed; read before you write again: %v", t.explain(unknown.Err))
	case stderrors.As(err, &locked):
		text := fmt.Sprintf("key %s is locked by the transaction that began at %s, whose primary key is %s", t.format(locked.Key), showTS(locked.StartTS), t.format(locked.Primary))
		if locked.Err != nil {
			text += fmt.Sprintf("; what became of it is not known: %v", t.explain(locked.Err))
		}
		return text
	}
	return t.explain(err).Error()
}

// split takes a line apart into words. A word that begins with a quote is a string of Go.
func split(line string) (words []string, err error) {
	for {
		line = strings.TrimLeft(line, " \t\r")
		switch {
		case line == "" || line[0] == '#':
			return words, nil
		case line[0] == '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, errors.Errorf("a quote is not closed, or something in it is not as in Go: %s", line)
			}
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, errors.Trace(err)
			}
			words, line = append(words, word), line[len(quoted):]
		default:
			end := strings.IndexAny(line, " \t\r")
			if end < 0 {
				end = len(line)
			}
			words, line = append(words, line[:end]), line[end:]
		}
	}
}
