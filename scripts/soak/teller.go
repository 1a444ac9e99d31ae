package main

import (
	"bufio"
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/schedulerpb"
	scheduler "github.com/labkv/labkv/scheduler/client"
)

// tellerVariable is set in the environment of a process that is to be a teller: the soak
// starts its own program again.
const tellerVariable = "LABKV_SOAK_TELLER"

// A teller is a client that moves money between accounts, one transaction after the
// other, and says what it does.
type teller struct {
	assignment
	client *client.Transactional
	in     *bufio.Reader
	out    *json.Encoder
	rng    *rand.Rand
	number int      // of the transaction in this life
	past   []uint64 // timestamps of transactions of this life, the newest last
}

const (
	// opening is what each account has at first.
	opening = 100
	// A transfer is between so many accounts.
	fewest, most = 2, 5
	// transferCost is how many operations of other clients a transaction counts for, with
	// its reads, locks and commits.
	transferCost = 8
	// recent is the number of timestamps that a teller remembers, for snapshots of the past.
	recent = 50
	// hurry is less than the time for which the lock of a client that has died lives, and
	// leisure is more: a transfer gives up mostly, and now and then it removes the lock.
	hurry, leisure = 2 * time.Second, 10 * time.Second
)

// accountName returns the key of an account. All are beyond the keys of the other clients, and
// nothing follows them: a client of transactions cannot scan a region that ends at a key
// that is not one of a transaction.
func accountName(i int) string { return fmt.Sprintf("owner-%05d", i) }

// endOfAccounts is beyond all accounts.
const endOfAccounts = "owner."

// A balance is what an account holds: an amount, and what makes the value unique.
func balance(amount, teller, life, number int) string {
	return fmt.Sprintf("%d by %d/%d/%d", amount, teller, life, number)
}

// deposit returns what an account holds when the bank opens. The padding makes the accounts
// so large that they are in many regions from the beginning.
func deposit() string { return balance(opening, 0, 0, 0) + depositPadding }

var depositPadding = strings.Repeat(".", 1000)

// balanceOf returns the balance in a value, without the padding.
func balanceOf(value []byte) string { return strings.TrimSuffix(string(value), depositPadding) }

// amountIn returns the amount in a balance, 0 for a value that no teller writes: then the
// sum is not right, besides.
func amountIn(value string) (amount int) {
	if _, err := fmt.Sscanf(value, "%d by ", &amount); err != nil {
		return 0
	}
	return amount
}

// serveAsTeller is main in the process of a teller. It returns the exit code.
func serveAsTeller() int {
	err := serve(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "teller:", err)
		return exitFailed
	}
	return 0
}

// serve runs transactions until the end of in, which the death of the soak is, too.
func serve(in io.Reader, out io.Writer) error {
	t := &teller{in: bufio.NewReader(in), out: json.NewEncoder(out)}
	text, err := t.in.ReadBytes('\n')
	if err != nil {
		return errors.Annotate(err, "there is no assignment")
	}
	if err := json.Unmarshal(text, &t.assignment); err != nil {
		return errors.Trace(err)
	}
	t.rng = rand.New(rand.NewPCG(t.Seed, uint64(t.Teller)<<32|uint64(t.Life)))
	conn, err := scheduler.Dial(t.Scheduler)
	if err != nil {
		return err
	}
	defer conn.Close()
	if t.client, err = client.NewTransactional(client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)}); err != nil {
		return err
	}
	defer t.client.Close()
	return t.work()
}

func (t *teller) work() error {
	mean := time.Duration(float64(time.Second) / t.Rate)
	for {
		time.Sleep(time.Duration(t.rng.Int64N(int64(2 * mean))))
		if err := t.say(line{Event: begins}); err != nil {
			return err
		}
		if _, err := t.in.ReadBytes('\n'); err == io.EOF {
			return nil
		} else if err != nil {
			return errors.Trace(err)
		}
		t.number++
		if err := t.one(); err != nil {
			return err
		}
	}
}

// say writes a line. Only an error of this is an error of the teller.
func (t *teller) say(said line) error { return errors.Trace(t.out.Encode(said)) }

// one does one transaction.
func (t *teller) one() error {
	p := t.rng.IntN(100)
	patience := hurry
	if p < 8 || t.rng.IntN(3) == 0 {
		patience = leisure
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if p < 3 && len(t.past) > 0 {
		ts := t.past[t.rng.IntN(len(t.past))]
		if err := t.say(line{Event: starts, TS: ts, Past: true}); err != nil {
			return err
		}
		return t.look(ctx, t.client.At(ts))
	}
	txn, err := t.client.Begin(ctx)
	if err != nil {
		return t.refused(err)
	}
	defer txn.Rollback()
	if err := t.say(line{Event: starts, TS: txn.StartTS()}); err != nil {
		return err
	}
	t.remember(txn.StartTS())
	if p < 8 {
		return t.look(ctx, txn)
	}
	return t.transfer(ctx, txn)
}

// look reads all accounts.
func (t *teller) look(ctx context.Context, s scanner) error {
	pairs, err := readAccounts(ctx, s)
	if err != nil {
		return t.refused(err)
	}
	if err := t.say(line{Event: scans, Pairs: pairs}); err != nil {
		return err
	}
	return t.say(line{Event: committed})
}

// A scanner reads a snapshot: the one of a transaction, or one of the past.
type scanner interface {
	Scan(ctx context.Context, start, end []byte) iter.Seq2[client.Pair, error]
}

// readAccounts returns all accounts in a snapshot.
func readAccounts(ctx context.Context, s scanner) ([]check.Pair, error) {
	pairs := []check.Pair{}
	for pair, err := range s.Scan(ctx, []byte(accountName(0)), []byte(endOfAccounts)) {
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, check.Pair{Key: string(pair.Key), Value: balanceOf(pair.Value)})
	}
	return pairs, nil
}

// choose returns the numbers of some accounts. Those of one transaction in three are next
// to each other, and so mostly in one region: then a store commits it in one phase. And one
// in three takes the money from one of few accounts, so that there are conflicts.
func (t *teller) choose() []int {
	n := min(t.Accounts, fewest+t.rng.IntN(most-fewest+1))
	switch all := t.rng.Perm(t.Accounts); t.rng.IntN(3) {
	case 0:
		first := t.rng.IntN(t.Accounts - n + 1)
		slices.Sort(all)
		return all[first : first+n]
	case 1:
		popular := t.rng.IntN(min(t.Accounts, 10))
		rest := slices.DeleteFunc(all, func(i int) bool { return i == popular })
		return append([]int{popular}, rest[:n-1]...)
	default:
		return all[:n]
	}
}

// transfer moves a part of what one account has to others.
func (t *teller) transfer(ctx context.Context, txn *client.Txn) error {
	var keys [][]byte
	for _, i := range t.choose() {
		keys = append(keys, []byte(accountName(i)))
	}
	values, err := txn.BatchGet(ctx, keys)
	if err != nil {
		return t.refused(err)
	}
	amounts := make([]int, len(keys))
	for i, key := range keys {
		value, found := values[string(key)]
		said := line{Event: reads, Key: string(key), Value: balanceOf(value), Found: found}
		amounts[i] = amountIn(said.Value)
		if err := t.say(said); err != nil {
			return err
		}
	}
	for i := range amounts[1:] {
		moved := t.rng.IntN(max(amounts[0], 0)/(len(amounts)-1) + 1)
		amounts[0] -= moved
		amounts[1+i] += moved
	}
	said := line{Event: writes}
	for i, key := range keys {
		value := balance(amounts[i], t.Teller, t.Life, t.number)
		said.Pairs = append(said.Pairs, check.Pair{Key: string(key), Value: value})
		if err := txn.Put(key, []byte(value)); err != nil {
			return t.refused(err)
		}
	}
	if err := t.say(said); err != nil {
		return err
	}
	err = txn.Commit(ctx)
	var doubt *client.OutcomeUnknownError
	var other *client.ConflictError
	switch {
	case err == nil:
		t.remember(txn.CommitTS())
		return t.say(line{Event: committed, TS: txn.CommitTS()})
	case stderrors.As(err, &doubt):
		t.note(err)
		return t.say(line{Event: unknown})
	case stderrors.As(err, &other):
		return t.say(line{Event: conflict})
	default:
		return t.refused(err)
	}
}

func (t *teller) remember(ts uint64) {
	t.past = append(t.past, ts)
	t.past = t.past[max(0, len(t.past)-recent):]
}

func (t *teller) refused(err error) error {
	t.note(err)
	return t.say(line{Event: refused})
}

// note writes why the cluster has refused something, for those who look for the cause of
// a failure.
func (t *teller) note(err error) {
	fmt.Fprintf(os.Stderr, "%s teller %d, life %d, transaction %d: %v\n", time.Now().Format(time.RFC3339Nano), t.Teller, t.Life, t.number, err)
}
