import java.io.FileInputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/** Says for each PDF whether veraPDF finds it compliant: java -cp ... Archivable.java 3a FILE... */
public class Archivable {
    private static final int MOST_FAULTS = 5;

    public static void main(String[] arguments) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        PDFAFlavour flavour = PDFAFlavour.fromString(arguments[0]);
        for (int place = 1; place < arguments.length; place++) {
            FileInputStream file = new FileInputStream(arguments[place]);
            try (PDFAParser parser = Foundries.defaultInstance().createParser(file, flavour)) {
                ValidationResult found =
                    Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
                System.out.println(found.isCompliant());
                found.getTestAssertions().stream()
                    .filter(each -> each.getStatus() == TestAssertion.Status.FAILED)
                    .limit(MOST_FAULTS)
                    .forEach(each -> System.out.println(each.getRuleId() + " " + each.getMessage()));
            }
        }
    }
}
