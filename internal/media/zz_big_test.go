package media
import ("testing";"image";"image/png";"bytes";"time")
func TestBig(t *testing.T){
 s:=start(t,Options{Children:1,Deadline:60*time.Second})
 r:=image.Rect(0,0,8192,8192)
 enc:=func(i image.Image)[]byte{var b bytes.Buffer;(&png.Encoder{CompressionLevel:png.BestSpeed}).Encode(&b,i);return b.Bytes()}
 for n,f:=range map[string]func()[]byte{
  "nrgba":func()[]byte{return enc(image.NewNRGBA(r))},
  "nrgba64":func()[]byte{return enc(image.NewNRGBA64(r))},
  "pal":func()[]byte{p:=image.NewPaletted(r,image.NewPaletted(r,nil).Palette);_ = p; return enc(image.NewGray16(r))},
  "jpeg":func()[]byte{return asJPEG(t,image.NewRGBA(r))},
 }{
  c:=f(); a:=time.Now(); x:=s.fingerprintBytes(t,c); d1:=time.Since(a); a=time.Now()
  y:=s.previewBytes(t,c,PreviewRequest{Kind:Full}); 
  t.Log(n,len(c),x.Status,x.Detail,d1,y.Status,y.Detail,time.Since(a))
 }
}
