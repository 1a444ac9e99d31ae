package play_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/play"
	"github.com/labkv/labkv/lab/rafttest"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// bare is the Raft of the tree without its RawNode, as while that is not written.
type bare struct{ play.Tree }

func (b bare) NewRawNode(c *raft.Config) (rafttest.RawNode, error) { return play.NewBareNode(b, c) }

// The stories are so on the reference solution, also as long as it has no RawNode.
func TestStories(t *testing.T) {
	require.Len(t, play.Stories(), 4)
	for _, s := range play.Stories() {
		require.NoError(t, play.Run(play.Tree{}, s.Name, s.Text))
		require.NoError(t, play.Run(bare{}, s.Name, s.Text), "without RawNode")
		script, err := play.Parse(s.Name, s.Text)
		require.NoError(t, err)
		require.NotEmpty(t, script.Title, s.Name)
		require.NotEmpty(t, script.About, s.Name)
		require.NotEmpty(t, script.Lines[0].Note, "a story begins with a sentence")
	}
}

// Each error names the line and what was expected.
func TestBadScripts(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"nodes 10", "x:1: a group has 1 to 9 nodes"},
		{"nodes three", `x:1: "three" is no number; expected nodes N`},
		{"\n# a\ncampain 1", `x:3: unknown word "campain"; did you mean campaign?`},
		{"dance", `x:1: unknown word "dance"; a line begins with one of add, beat, campaign,`},
		{"campaign 1\nnodes 3", "x:2: nodes is about the group: it comes before everything that happens"},
		{"clock 2 5", "x:1: heartbeats are at least a tick apart"},
		{"log 4: 1 1", "x:1: there is no node 4 to give a log to"},
		{"log 1: 2 1", "x:1: the log of node 1 goes back from term 2 to term 1 at index 2"},
		{"log 1: 1 2\nlog 2: 2 2", "x:2: no run leads to these logs: entry 2/2 of node"},
		{"log 1 1 2", "x:1: there is no colon; expected log NODE [term TERM]: TERM ..., with the term of each entry"},
		{"log 1 term 1: 2", "x:1: the node is in term 1, and its log ends with term 2; expected log NODE"},
		{"deliver", "x:1: it says not which; expected deliver [all] [KIND] [FROM->TO] [#N]"},
		{"deliver ballot 1->2", `"ballot" is no kind of message; there is request-vote, vote,`},
		{"partition 1 2", "x:1: it takes two sides or more, with a | between; expected partition NODE ... | NODE ..."},
		{"add 4", `x:1: it is "4"; expected add NODE via LEADER`},
		{"run 5 loss 101", `"101" is no percentage`},
		{"expect wonders", `x:1: it is "expect wonders"; expected one of`},
		{"expect broken promises", `is about "promises", which is no guarantee; there is election-safety,`},

		{"tick 4", "x:1: there is no node 4"},
		{"crash 1\ntick 1", "x:2: node 1 is down"},
		{"restart 1", "x:1: node 1 is up"},
		{"heal", "x:1: the network is not partitioned"},
		{"partition 1 | 2", "x:1: node 3 is on no side"},
		{"isolate 7", "x:1: there is no node 7"},
		{"campaign 1\ndeliver vote 1->2", "x:2: 0 such messages are in flight: request-vote 1->2, request-vote 1->3"},
		{"compact 1", "x:1: node 1 has applied nothing"},
		{"settle 1 7", "x:1: there is no node 7"},
		{"beat 1 0", "x:1: 1 to 10000 times, not 0"},
		{"tick 1 0", "x:1: 1 to 10000 times, not 0"},
		{"propose 1 x", "x:1: the action is refused: raft: not the leader; if that is meant, expect refused"},
		{"propose 1 x\ntick 1", "x:2: the action before was refused: raft: not the leader"},
		{"expect refused", "x:1: expected that the action before is refused, and it was not"},
		{"campaign 1\nexpect leader 1", "x:2: expected node 1 to lead, and there is none"},
		{"nodes 1\ncampaign 1\nexpect leader 1 term 2", "x:3: expected node 1 to lead term 2, and node 1 leads term 1"},
		{"expect role 1 leader", `x:1: expected role "leader" of node 1, and it is "follower"`},
		{"nodes 1\ncampaign 1\npropose 1 a=1 b\nexpect committed 1: a=1", `x:4: expected committed "a=1" of node 1, and it is "a=1 b"`},
		{"campaign 1\nexpect in flight 3 request-vote", "x:2: expected 3 such messages in flight, and there are 2"},
		{"expect broken one-vote", "x:1: expected that one-vote is broken, and it holds"},
		{"expect members 1: 1 2", `x:1: expected members "1 2" of node 1, and it is "1 2 3"`},
	} {
		err := play.Run(play.Tree{}, "x", c.script)
		var bad *play.Error
		require.ErrorAs(t, err, &bad, c.script)
		require.Contains(t, err.Error(), c.want, c.script)
	}
}

// What the guide shows is so.
func TestActions(t *testing.T) {
	for name, script := range map[string]string{
		"snapshot": `nodes 3
			campaign 1
			settle
			isolate 3
			propose 1 x=1
			settle
			compact 1
			heal
			beat 1 3
			expect committed 2: x=1
			expect commit all 2
			expect log 3:
			expect invariants hold`,
		"members": `nodes 3
			campaign 1
			settle
			add 4 via 1
			add 5 via 1
			expect refused
			settle
			tick 1 2
			settle
			expect members all: 1 2 3 4
			transfer 1 to 4
			settle
			expect leader 4 term 2
			remove 1 via 4
			settle
			expect members 4: 2 3 4
			expect invariants hold`,
		"among some": `nodes 3
			campaign 1
			settle 1 2
			expect leader 1
			expect term 3 0
			expect in flight 1 request-vote 1->3
			beat 1
			expect commit all 1`,
		"late messages": `nodes 3
			campaign 1
			duplicate request-vote 1->2
			deliver request-vote 1->2
			settle
			expect leader 1 term 1
			expect in flight 0`,
		"crash": `nodes 3
			campaign 1
			settle
			crash 1
			expect role 1 down
			campaign 2
			settle
			expect in flight 2 *->1
			restart 1
			settle
			expect leader 2 term 2
			expect log all: 1 2`,
		"run": `nodes 5
			seed 7
			run 40
			propose 1 x
			expect refused
			run 60 loss 20
			expect invariants hold`,
	} {
		require.NoError(t, play.Run(play.Tree{}, name, script), name)
	}
}

// show asks an API for the state after lines.
func show(t *testing.T, api *play.API, header, lines []string) string {
	t.Helper()
	request, err := json.Marshal(play.Request{Op: "show", Header: header, Lines: lines})
	require.NoError(t, err)
	return api.Call(string(request))
}

// The same lines lead to the same state, whether at once, one by one, or after others.
// A file of another editor says the same.
func TestFilesOfOtherEditors(t *testing.T) {
	script, err := play.Parse("x.txt", "\ufeff# Title\r\n\r\nnodes\t3\r\n\tcampaign 1  \r\n")
	require.NoError(t, err)
	require.Equal(t, "Title", script.Title)
	require.Len(t, script.Header, 1)
	require.Len(t, script.Lines, 1)
}

func TestDeterminism(t *testing.T) {
	header := []string{"nodes 5", "seed 3"}
	lines := []string{"run 30", "crash 2", "run 20 loss 30", "restart 2", "run 40"}
	whole := show(t, play.NewAPI(play.Tree{}), header, lines)
	require.Contains(t, whole, `"role":"leader"`)
	require.Contains(t, whole, `"done":5`)

	api := play.NewAPI(play.Tree{})
	for i := range lines {
		show(t, api, header, lines[:i])
	}
	require.Equal(t, whole, show(t, api, header, lines))
	other := show(t, api, header, append([]string{"run 3"}, lines...))
	require.NotEqual(t, whole, other)
	require.Equal(t, whole, show(t, api, header, lines))
	require.NotEqual(t, whole, show(t, api, []string{"nodes 5", "seed 4"}, lines), "chance is of the seed")

	// A run in one line is its rounds one by one.
	var rounds []string
	for range 30 {
		rounds = append(rounds, "run 1")
	}
	state := func(answer string) (v play.View) {
		require.NoError(t, json.Unmarshal([]byte(answer), &v))
		v.Effects, v.Done = nil, 0
		return v
	}
	require.Equal(t, state(show(t, api, header, lines[:1])), state(show(t, api, header, rounds)))
}

// altered is the Raft of the tree whose messages are altered before they are handled.
type altered struct {
	play.Tree
	alter func(id uint64, m *pb.Message)
}

type alteredNode struct {
	rafttest.RawNode
	step func(m *pb.Message)
}

func (n alteredNode) Step(m *pb.Message) error { n.step(m); return n.RawNode.Step(m) }

func (a altered) NewRawNode(c *raft.Config) (rafttest.RawNode, error) {
	n, err := a.Tree.NewRawNode(c)
	return alteredNode{n, func(m *pb.Message) { a.alter(c.ID, m) }}, err
}

// A wrong Raft breaks guarantees, and a script says where; what is saved of it expects
// that, and passes.
func TestBrokenGuarantees(t *testing.T) {
	// Candidates take refusals for votes.
	impl := altered{alter: func(_ uint64, m *pb.Message) {
		if m.MsgType == pb.MessageType_MsgRequestVoteResponse {
			m.Reject = false
		}
	}}
	lines := []string{"campaign 1", "campaign 2", "settle"}
	script := "nodes 3\n" + strings.Join(lines, "\n")
	require.ErrorContains(t, play.Run(impl, "x", script), "x:4: election-safety breaks: nodes ")
	require.ErrorContains(t, play.Run(impl, "x", script+"\nexpect invariants hold"), "x:5: expected that all invariants hold, and election-safety is broken: nodes ")
	require.ErrorContains(t, play.Run(play.Tree{}, "x", script+"\nexpect broken election-safety"), "x:5: expected that election-safety is broken, and it holds")

	request, err := json.Marshal(play.Request{Op: "save", Title: "Two leaders", Header: []string{"nodes 3"}, Lines: lines, Notes: []string{"Node 1 campaigns."}})
	require.NoError(t, err)
	var saved struct{ Text, Error string }
	require.NoError(t, json.Unmarshal([]byte(play.NewAPI(impl).Call(string(request))), &saved))
	require.True(t, strings.HasPrefix(saved.Text, "# Two leaders\n\nnodes 3\n\n# Node 1 campaigns.\ncampaign 1\ncampaign 2\nsettle\n"), saved.Text)
	require.Contains(t, saved.Text, "\nexpect broken election-safety\n")
	require.NoError(t, play.Run(impl, "saved", saved.Text), saved.Text)
	require.Error(t, play.Run(play.Tree{}, "saved", saved.Text))
}

// A panic ends a session until it is taken back.
func TestPanic(t *testing.T) {
	impl := altered{alter: func(id uint64, m *pb.Message) {
		if id == 2 && m.MsgType == pb.MessageType_MsgAppend {
			panic("what an append")
		}
	}}
	api := play.NewAPI(impl)
	var v play.View
	require.NoError(t, json.Unmarshal([]byte(show(t, api, nil, []string{"campaign 1", "settle"})), &v))
	require.Equal(t, 2, v.Done)
	require.Contains(t, v.End.Reason, "node 2 panics in play_test.")
	require.Contains(t, v.End.Reason, "what an append")
	require.Contains(t, v.End.Stack, "lab/play/play_test.go:")
	require.Equal(t, "no-panic", v.Broken[0].Key)

	require.NoError(t, json.Unmarshal([]byte(show(t, api, nil, []string{"campaign 1", "settle", "tick 1"})), &v))
	require.Equal(t, 2, v.Done)
	require.Contains(t, v.Problem, "what an append")

	script := "campaign 1\nsettle\n"
	require.ErrorContains(t, play.Run(impl, "x", script), "x:2: node 2 panics in play_test.")
	require.NoError(t, play.Run(impl, "x", script+"expect broken no-panic"))
	require.ErrorContains(t, play.Run(impl, "x", script+"tick 1\nexpect broken no-panic"), "x:3: node 2 panics", "nothing happens after the end")

	v = play.View{}
	require.NoError(t, json.Unmarshal([]byte(show(t, api, nil, []string{"campaign 1", "tick 1"})), &v))
	require.Nil(t, v.End)
	require.Equal(t, 2, v.Done)
}

// A request that makes no sense is answered with an error.
func TestBadRequests(t *testing.T) {
	api := play.NewAPI(play.Tree{})
	for request, want := range map[string]string{
		"nonsense":                         "invalid character",
		`{"op":"dance"}`:                   `unknown request \"dance\"`,
		`{"op":"show","header":["dance"]}`: `header:1: unknown word \"dance\"`,
		`{"op":"parse","name":"f.txt","text":"nodes 3\n\ndance"}`: "f.txt:3: unknown word",
	} {
		require.Contains(t, api.Call(request), want)
	}
	require.Contains(t, api.Call(`{"op":"show","lines":["nodes 3"]}`), `"problem":"nodes is about the group"`)
}

// The page is one document for the host that was asked for, and there is nothing else.
func TestServer(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	broken := filepath.Join(t.TempDir(), "raft.go")
	require.NoError(t, os.WriteFile(broken, []byte("package raft\n\nfunc New( {\n"), 0o644))
	require.NoError(t, os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace":{%q:%q}}`, filepath.Join(root, "raft", "raft.go"), broken), 0o644))
	s := &play.Server{Builder: play.Builder{Root: root, Scratch: t.TempDir()}, Hosts: []string{"127.0.0.1:80"}}
	get := func(method, url string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, url, nil))
		return w
	}
	require.Equal(t, http.StatusMisdirectedRequest, get("GET", "http://evil.example/").Code)
	require.Equal(t, http.StatusNotFound, get("GET", "http://127.0.0.1:80/raft/raft.go").Code)
	require.Equal(t, http.StatusMethodNotAllowed, get("POST", "http://127.0.0.1:80/").Code)

	s.Builder.Flags = []string{"-overlay", overlay}
	w := get("GET", "http://127.0.0.1:80/")
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Contains(t, w.Body.String(), "raft.go:3:11: syntax error")
	require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))

	s.Builder.Flags = nil
	w = get("GET", "http://127.0.0.1:80/")
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	page := w.Body.String()
	require.Contains(t, page, "globalThis.Go = class")
	require.NotContains(t, page, "<!-- program -->")
	require.Contains(t, page, "default-src 'none'")
	require.Less(t, len(page), 15<<20)
}
