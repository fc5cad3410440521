package snapshot

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	putLimit = 5 * time.Minute
	moment   = "20060102T150405Z"
	day      = "20060102"
)

// bucket is where an archive goes: the vendor's options for S3, as far as the stand-in knows them.
type bucket struct {
	Bucket    string `json:"bucket"`
	Key       string `json:"key"`
	AccessKey string `json:"access-key-id"`
	SecretKey string `json:"secret-access-key"`
	Token     string `json:"session-token"`
	Region    string `json:"region"`
	URL       string `json:"url"`
	PathStyle bool   `json:"force-path-style"`
	CACert    string `json:"ca-cert"`
}

// put writes the object.
func (b bucket) put(ctx context.Context, content *archive, now time.Time) error {
	if b.URL == "" || !b.PathStyle {
		return errors.New("the stand-in knows no S3 service but one with an address, and buckets by path")
	}
	if b.Region == "" {
		return errors.New("operation error S3: PutObject, Invalid Configuration: Missing Region")
	}
	client, err := b.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, putLimit)
	defer cancel()
	place, err := url.Parse(strings.TrimSuffix(b.URL, "/"))
	if err != nil {
		return err
	}
	place.Path += "/" + b.Bucket + "/" + b.Key
	place.RawPath = escaped(place.Path)
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, place.String(), content.file)
	if err != nil {
		return err
	}
	request.ContentLength = content.size
	if b.Token != "" {
		request.Header.Set("X-Amz-Security-Token", b.Token)
	}
	b.sign(request, content.sum, now)
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("error putting object %s: operation error S3: PutObject, %w", b.Key, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	var said struct{ Code, Message string }
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	_ = xml.Unmarshal(text, &said) // a body that is none leaves both empty
	return fmt.Errorf("error putting object %s: operation error S3: PutObject, https response error StatusCode: %d, api error %s: %s",
		b.Key, answer.StatusCode, said.Code, said.Message)
}

func (b bucket) client() (*http.Client, error) {
	settings := &tls.Config{}
	if b.CACert != "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool() // the image of the lab has none
		}
		if !roots.AppendCertsFromPEM([]byte(b.CACert)) {
			return nil, errors.New("ca-cert holds no certificate")
		}
		settings.RootCAs = roots
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true}}, nil
}

// sign signs a request by AWS Signature Version 4; sum is that of its content.
func (b bucket) sign(request *http.Request, sum string, now time.Time) {
	request.Header.Set("X-Amz-Date", now.UTC().Format(moment))
	request.Header.Set("X-Amz-Content-Sha256", sum)
	values := map[string]string{"host": request.URL.Host}
	for name, value := range request.Header {
		values[strings.ToLower(name)] = strings.Join(value, ",")
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, name := range names {
		fmt.Fprintf(&headers, "%s:%s\n", name, values[name])
	}
	signed := strings.Join(names, ";")
	canonical := strings.Join([]string{request.Method, escaped(request.URL.Path), "", headers.String(), signed, sum}, "\n")
	scope := strings.Join([]string{now.UTC().Format(day), b.Region, "s3", "aws4_request"}, "/")
	digest := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{"AWS4-HMAC-SHA256", now.UTC().Format(moment), scope, hex.EncodeToString(digest[:])}, "\n")
	key := []byte("AWS4" + b.SecretKey)
	for part := range strings.SplitSeq(scope, "/") {
		key = keyed(key, part)
	}
	request.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s",
		b.AccessKey, scope, signed, hex.EncodeToString(keyed(key, text))))
}

func keyed(key []byte, text string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(text))
	return hash.Sum(nil)
}

// escaped is a path as the signature wants it: everything but letters, digits and a few signs.
func escaped(path string) string {
	var text strings.Builder
	for _, char := range []byte(path) {
		switch {
		case 'a' <= char && char <= 'z', 'A' <= char && char <= 'Z', '0' <= char && char <= '9', strings.IndexByte("-._~/", char) >= 0:
			text.WriteByte(char)
		default:
			fmt.Fprintf(&text, "%%%02X", char)
		}
	}
	return text.String()
}
