package snapshot

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSignature is the PUT of "Signature Calculations for the Authorization Header" in Amazon's manual of S3.
func TestSignature(t *testing.T) {
	request, err := http.NewRequest(http.MethodPut, "https://examplebucket.s3.amazonaws.com/test%24file.text", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Date", "Fri, 24 May 2013 00:00:00 GMT")
	request.Header.Set("X-Amz-Storage-Class", "REDUCED_REDUNDANCY")
	example := bucket{Region: "us-east-1", AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	example.sign(request, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072", time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
	want := "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
	if got := request.Header.Get("Authorization"); !strings.HasSuffix(got, want) {
		t.Fatalf("got %s, want %s", got, want)
	}
}

// service is an S3 service with TLS of its own; it answers with a status and a body.
func service(t *testing.T, status int, body string, asked *http.Request, content *bytes.Buffer) bucket {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = *r
		_, _ = io.Copy(content, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return bucket{
		Bucket: "backups", Key: "west/admin%40hc/a b.tar.gz", AccessKey: "me", SecretKey: "mine", Token: "now",
		Region: "west", URL: server.URL, PathStyle: true, CACert: string(authority),
	}
}

func file(t *testing.T, content string) *archive {
	t.Helper()
	made, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := made.WriteString(content); err != nil {
		t.Fatal(err)
	}
	if _, err := made.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return &archive{file: made, size: int64(len(content)), sum: "0123"}
}

func TestPut(t *testing.T) {
	var asked http.Request
	var content bytes.Buffer
	place := service(t, http.StatusOK, "", &asked, &content)
	if err := place.put(t.Context(), file(t, "all of it"), time.Now()); err != nil {
		t.Fatal(err)
	}
	if asked.Method != http.MethodPut || asked.URL.EscapedPath() != "/backups/west/admin%2540hc/a%20b.tar.gz" || content.String() != "all of it" {
		t.Fatalf("%s %s: %q", asked.Method, asked.URL.EscapedPath(), content.String())
	}
	if asked.ContentLength != 9 || asked.Header.Get("X-Amz-Content-Sha256") != "0123" || asked.Header.Get("X-Amz-Security-Token") != "now" {
		t.Fatalf("length %d, header %v", asked.ContentLength, asked.Header)
	}
}

func TestPutSaysWhatIsWrong(t *testing.T) {
	var asked http.Request
	var content bytes.Buffer
	refused := service(t, http.StatusNotFound, "<Error><Code>NoSuchBucket</Code><Message>It is not there</Message></Error>", &asked, &content)
	unknown := refused
	unknown.CACert = ""
	noRegion := refused
	noRegion.Region = ""
	amazon := refused
	amazon.URL = ""
	for want, place := range map[string]bucket{
		"StatusCode: 404, api error NoSuchBucket: It is not there": refused,
		"certificate":    unknown,
		"Missing Region": noRegion,
		"no S3 service":  amazon,
	} {
		err := place.put(t.Context(), file(t, "x"), time.Now())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
