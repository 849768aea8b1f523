package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// message is an OP_MSG whose sections are given.
func message(flags uint32, sections ...[]byte) []byte {
	m := make([]byte, headerSize, 128)
	binary.LittleEndian.PutUint32(m[12:], opMsg)
	m = binary.LittleEndian.AppendUint32(m, flags)
	m = append(m, bytes.Join(sections, nil)...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	return m
}

// body is the section of a command's document, with the string x as its value.
func body(command string) []byte {
	document := append([]byte{0, 0, 0, 0, 2}, command...)
	document = append(document, 0, 2, 0, 0, 0, 'x', 0, 0)
	binary.LittleEndian.PutUint32(document, uint32(len(document)))
	return append([]byte{0}, document...)
}

func TestInspect(t *testing.T) {
	sequence := []byte{1, 10, 0, 0, 0, 'u', 's', 0, 9, 9, 9}
	for _, c := range []struct {
		name    string
		request []byte
		wants   bool
		command string
	}{
		{"a command is its document's first key", message(0, body("update")), true, "update"},
		{"documents may come before the command", message(0, sequence, body("delete")), true, "delete"},
		{"an unacknowledged write wants no answer", message(moreToCome, body("insert")), false, "insert"},
		{"a message without sections has no command", message(0), true, ""},
		{"a section that is too long has none", message(0, []byte{1, 255, 255, 255, 255, 0}), true, ""},
		{"a document that is cut off has none", message(0, []byte{0, 9, 0, 0, 0, 2, 'u'}), true, ""},
		{"another kind of message has none", make([]byte, headerSize), true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if wants, command := inspect(c.request); wants != c.wants || command != c.command {
				t.Errorf("%t %q, want %t %q", wants, command, c.wants, c.command)
			}
		})
	}
}

func TestGate_letsOneChangeThroughAtATime(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	servers := make(chan net.Conn, 3)
	g := gate{listener: listener, dial: func(context.Context) (net.Conn, error) {
		inside, outside := net.Pipe()
		servers <- outside
		return inside, nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.serve(ctx) }()
	ask := func(request []byte) (client, server net.Conn) {
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write(request); err != nil {
			t.Fatal(err)
		}
		return client, <-servers
	}
	answer := func(client, server net.Conn) {
		if _, err := readMessage(server); err != nil {
			t.Fatal(err)
		}
		want := message(0, body("ok"))
		if _, err := server.Write(want); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the client gets %q (%v)", got, err)
		}
	}

	first, firstServer := ask(message(0, body("update")))
	if _, err := firstServer.Read(make([]byte, 0)); err != nil { // the first is in the gate
		t.Fatal(err)
	}
	second, secondServer := ask(message(0, body("findAndModify")))
	reader, readerServer := ask(message(0, body("find")))
	answer(reader, readerServer) // what changes nothing passes at once
	_ = secondServer.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := secondServer.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second change arrives before the first is answered (%v)", err)
	}
	_ = secondServer.SetReadDeadline(time.Time{})
	answer(first, firstServer)
	answer(second, secondServer)
	if !g.changes.TryLock() {
		t.Error("the gate is still closed after the last answer")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
