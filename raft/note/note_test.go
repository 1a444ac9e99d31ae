package note_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/raft/note"
)

// A loud is a value that notices when it is formatted.
type loud struct{ heard *int }

func (l loud) String() string {
	*l.heard++
	return "loud"
}

func TestListen(t *testing.T) {
	var heard int
	note.Printf("%v", loud{&heard})
	require.Zero(t, heard, "a remark is formatted although no log is kept")

	var texts []string
	stop := note.Listen(func(text string) { texts = append(texts, text) })
	note.Printf("%v %d", loud{&heard}, 1)
	stop()
	note.Printf("%v %d", loud{&heard}, 2)
	require.Equal(t, []string{"loud 1"}, texts)
	require.Equal(t, 1, heard)
}

func TestLaterListener(t *testing.T) {
	var first, second int
	stopFirst := note.Listen(func(string) { first++ })
	stopSecond := note.Listen(func(string) { second++ })
	stopFirst()
	note.Printf("still heard")
	stopSecond()
	note.Printf("not heard")
	require.Equal(t, []int{0, 1}, []int{first, second})
}

func ExamplePrintf() {
	stop := note.Listen(func(text string) { fmt.Println(text) })
	defer stop()
	note.Printf("vote for %d in term %d", 2, 7)
	// Output: vote for 2 in term 7
}
