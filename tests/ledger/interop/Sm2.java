import java.util.HexFormat;
import org.bouncycastle.asn1.gm.GMNamedCurves;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.ParametersWithID;
import org.bouncycastle.crypto.signers.SM2Signer;

/** Checks an SM2 signature (DER) over a message with BouncyCastle: PUBLIC MESSAGE SIGNATURE in hex. */
public class Sm2 {
    public static void main(String[] words) {
        HexFormat hex = HexFormat.of();
        X9ECParameters curve = GMNamedCurves.getByName("sm2p256v1");
        ECDomainParameters domain = new ECDomainParameters(curve);
        byte[] message = hex.parseHex(words[1]);
        SM2Signer signer = new SM2Signer();
        signer.init(false, new ParametersWithID(
            new ECPublicKeyParameters(curve.getCurve().decodePoint(hex.parseHex(words[0])), domain),
            "1234567812345678".getBytes()));
        signer.update(message, 0, message.length);
        System.out.println(signer.verifySignature(hex.parseHex(words[2])) ? "OK" : "NOT OK");
    }
}
